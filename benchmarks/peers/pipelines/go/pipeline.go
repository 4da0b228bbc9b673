// A webhook pipeline as one writes it by hand in Go: ingest, worker or recorder, by the argument.
//
// ingest: HTTP in, a persistent message for each event on a quorum queue, 202 after the confirms.
// worker: POSTs each event to the registry's webhooks, publishes a result for each POST, acks after.
// recorder: writes results to SQLite in batches, acks after the commit.
package main

import (
	"bytes"
	"context"
	"crypto/subtle"
	"database/sql"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	_ "github.com/mattn/go-sqlite3"
	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	eventsQueue  = "hand.events"
	resultsQueue = "hand.results"
	underWay     = 64
	batchSize    = 500
	batchWait    = 100 * time.Millisecond
	maxBody      = 4 << 20
	timeout      = 30 * time.Second
)

type event struct {
	ID string `json:"id"`
}

type result struct {
	EventID    string `json:"event_id"`
	Webhook    string `json:"webhook"`
	Status     int    `json:"status"`
	Error      string `json:"error,omitempty"`
	StartedMS  int64  `json:"started_ms"`
	DurationUS int64  `json:"duration_us"`
	Answer     string `json:"answer"`
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// open declares both queues on a new connection and gives a channel.
func open() *amqp.Channel {
	connection, err := amqp.Dial(os.Getenv("HAND_AMQP_URL"))
	must(err)
	go func() { log.Fatal(<-connection.NotifyClose(make(chan *amqp.Error, 1))) }()
	channel, err := connection.Channel()
	must(err)
	for _, name := range []string{eventsQueue, resultsQueue} {
		_, err := channel.QueueDeclare(name, true, false, false, false,
			amqp.Table{"x-queue-type": "quorum"})
		must(err)
	}
	return channel
}

func publish(channel *amqp.Channel, queue, kind string, body []byte) (*amqp.DeferredConfirmation, error) {
	return channel.PublishWithDeferredConfirmWithContext(context.Background(), "", queue, true, false,
		amqp.Publishing{DeliveryMode: amqp.Persistent, ContentType: "application/json", Type: kind, Body: body})
}

func read(body []byte) ([]json.RawMessage, error) {
	var events []json.RawMessage
	if err := json.Unmarshal(body, &events); err == nil {
		return events, nil
	}
	var notification struct {
		Events []json.RawMessage `json:"events"`
	}
	err := json.Unmarshal(body, &notification)
	return notification.Events, err
}

func ingest() {
	channel := open()
	must(channel.Confirm(false))
	token := []byte("Bearer " + os.Getenv("HAND_TOKEN"))
	// POST /registries/NAME/events
	http.HandleFunc("/registries/", func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(r.URL.Path, "/")
		if len(parts) != 4 || parts[3] != "events" {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodPost {
			http.Error(w, "POST only", http.StatusMethodNotAllowed)
			return
		}
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), token) != 1 {
			http.Error(w, "wrong token", http.StatusUnauthorized)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		events, err := read(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		confirms := make([]*amqp.DeferredConfirmation, 0, len(events))
		for _, raw := range events {
			var what event
			if json.Unmarshal(raw, &what) != nil || what.ID == "" {
				http.Error(w, "an event has no id", http.StatusBadRequest)
				return
			}
			confirm, err := publish(channel, eventsQueue, parts[2], raw)
			if err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
			confirms = append(confirms, confirm)
		}
		for _, confirm := range confirms {
			if !confirm.Wait() {
				http.Error(w, "the broker refused", http.StatusServiceUnavailable)
				return
			}
		}
		w.WriteHeader(http.StatusAccepted)
	})
	listener, err := net.Listen("tcp", os.Getenv("HAND_BIND"))
	must(err)
	must(http.Serve(listener, nil))
}

func work() {
	var hooks map[string][]string
	must(json.Unmarshal([]byte(os.Getenv("HAND_HOOKS")), &hooks))
	in, out := open(), open()
	must(out.Confirm(false))
	must(in.Qos(2*underWay, 0, false))
	messages, err := in.Consume(eventsQueue, "", false, false, false, false, nil)
	must(err)
	client := &http.Client{Timeout: timeout, Transport: &http.Transport{
		MaxIdleConnsPerHost: 10 * underWay, MaxIdleConns: 0, DisableCompression: true,
	}}
	for i := 0; i < underWay; i++ {
		go func() {
			for message := range messages {
				var what event
				must(json.Unmarshal(message.Body, &what))
				deliver(client, out, what.ID, message.Body, hooks[message.Type])
				must(message.Ack(false))
			}
		}()
	}
	select {}
}

// deliver POSTs an event to all webhooks at once; every result is confirmed when it returns.
func deliver(client *http.Client, out *amqp.Channel, id string, body []byte, hooks []string) {
	if len(hooks) == 0 {
		return
	}
	var group sync.WaitGroup
	for _, hook := range hooks[1:] {
		group.Add(1)
		go func(hook string) {
			defer group.Done()
			deliverOne(client, out, id, body, hook)
		}(hook)
	}
	deliverOne(client, out, id, body, hooks[0])
	group.Wait()
}

func deliverOne(client *http.Client, out *amqp.Channel, id string, body []byte, hook string) {
	written, err := json.Marshal(post(client, id, body, hook))
	must(err)
	confirm, err := publish(out, resultsQueue, "", written)
	must(err)
	if !confirm.Wait() {
		log.Fatal("a result was refused")
	}
}

func post(client *http.Client, id string, body []byte, hook string) result {
	began := time.Now()
	made := result{EventID: id, Webhook: hook, StartedMS: began.UnixMilli()}
	response, err := client.Post(hook, "application/json", bytes.NewReader(body))
	if err != nil {
		made.Error = err.Error()
	} else {
		answer, _ := io.ReadAll(io.LimitReader(response.Body, 16<<10))
		response.Body.Close()
		made.Status, made.Answer = response.StatusCode, string(answer)
	}
	made.DurationUS = time.Since(began).Microseconds()
	return made
}

func record() {
	database, err := sql.Open("sqlite3", os.Getenv("HAND_DATABASE")+"?_journal_mode=WAL&_synchronous=NORMAL")
	must(err)
	_, err = database.Exec(`CREATE TABLE IF NOT EXISTS results (id INTEGER PRIMARY KEY, event_id TEXT,
		webhook TEXT, status INTEGER, error TEXT, started_ms INTEGER, duration_us INTEGER, answer TEXT);
		CREATE INDEX IF NOT EXISTS results_by_webhook ON results (webhook, started_ms)`)
	must(err)
	insert, err := database.Prepare(`INSERT INTO results
		(event_id, webhook, status, error, started_ms, duration_us, answer) VALUES (?, ?, ?, ?, ?, ?, ?)`)
	must(err)
	channel := open()
	must(channel.Qos(2*batchSize, 0, false))
	messages, err := channel.Consume(resultsQueue, "", false, false, false, false, nil)
	must(err)
	for first := range messages {
		batch := collect(first, messages)
		write(database, insert, batch)
		must(batch[len(batch)-1].Ack(true))
	}
}

// collect waits a little for more than the first.
func collect(first amqp.Delivery, messages <-chan amqp.Delivery) []amqp.Delivery {
	batch, enough := []amqp.Delivery{first}, time.After(batchWait)
	for len(batch) < batchSize {
		select {
		case message := <-messages:
			batch = append(batch, message)
		case <-enough:
			return batch
		}
	}
	return batch
}

func write(database *sql.DB, insert *sql.Stmt, batch []amqp.Delivery) {
	transaction, err := database.Begin()
	must(err)
	statement := transaction.Stmt(insert)
	for _, message := range batch {
		var each result
		must(json.Unmarshal(message.Body, &each))
		_, err := statement.Exec(each.EventID, each.Webhook, each.Status, each.Error, each.StartedMS,
			each.DurationUS, each.Answer)
		must(err)
	}
	must(transaction.Commit())
}

func main() {
	map[string]func(){"ingest": ingest, "worker": work, "recorder": record}[os.Args[1]]()
}
