// Go: amqp091-go and net/http; as many goroutines as deliveries under way.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"

	amqp "github.com/rabbitmq/amqp091-go"
)

type delivery struct {
	ID string `json:"id"`
}

type result struct {
	ID     string `json:"id"`
	Status int    `json:"status"`
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func number(name string) int {
	value, err := strconv.Atoi(os.Getenv(name))
	must(err)
	return value
}

func main() {
	sink, results := os.Getenv("BENCH_SINK_URL"), os.Getenv("BENCH_RESULTS")
	concurrency := number("BENCH_CONCURRENCY")
	consuming, err := amqp.Dial(os.Getenv("BENCH_AMQP_URL"))
	must(err)
	publishing, err := amqp.Dial(os.Getenv("BENCH_AMQP_URL"))
	must(err)
	in, err := consuming.Channel()
	must(err)
	must(in.Qos(number("BENCH_PREFETCH"), 0, false))
	out, err := publishing.Channel()
	must(err)
	must(out.Confirm(false))
	messages, err := in.Consume(os.Getenv("BENCH_QUEUE"), "", false, false, false, false, nil)
	must(err)
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: concurrency, MaxConnsPerHost: concurrency, DisableCompression: true,
	}}
	for i := 0; i < concurrency; i++ {
		go func() {
			for message := range messages {
				deliver(client, out, sink, results, message)
			}
		}()
	}
	select {}
}

func deliver(client *http.Client, out *amqp.Channel, sink, results string, message amqp.Delivery) {
	response, err := client.Post(sink, "application/json", bytes.NewReader(message.Body))
	must(err)
	_, err = io.Copy(io.Discard, response.Body)
	must(err)
	must(response.Body.Close())
	var what delivery
	must(json.Unmarshal(message.Body, &what))
	body, err := json.Marshal(result{what.ID, response.StatusCode})
	must(err)
	confirm, err := out.PublishWithDeferredConfirmWithContext(context.Background(), "", results,
		false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body})
	must(err)
	if !confirm.Wait() {
		log.Fatal("the result was refused")
	}
	must(message.Ack(false))
}
