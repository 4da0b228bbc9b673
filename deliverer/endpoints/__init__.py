"""Endpoints: how many attempts each may have under way, and when a deliverer pauses it.

Theory of operation
===================
A deliverer handles frames of up to 64 deliveries and may acknowledge a frame only when each of its
deliveries has ended or is back in the broker. So one slow endpoint could hold every frame. The
rules below prevent that. They act on each other, so this page states all of them, in the order in
which a delivery meets them. docs/isolation.md adds a diagram and the guarantees that follow.

Two words first. A *healthy answer* has a status below 500 that is not 429. Everything else, also
no answer, is a *failure*. To *park* a delivery is to move it to a rung of the wait ladder; that
uses up no attempt, and the delivery returns through the retry queue.

1. Gate (`gate`). A new frame waits unbegun while 400 deliveries are in the lines of endpoints that
   are not sick, until there are 200 (`MAX_WAITING`); and while records cannot be written.
2. Pause (`lanes`). After 429 or ``Retry-After`` no attempt at the endpoint starts: for the time
   that it asks for, 5 minutes at most (`MAX_PAUSE_S`).
3. Breaker (`breaker`). It opens after 10 failures in a row over 10 s, or 3 over 30 s. An endpoint
   that sometimes succeeds needs 4 times its longest recent row of failures, of which 25 count at
   most. It stays open for 10, 20, then 30 s each time (+-20 %), or for a tenth of a recent outage.
4. Trial (`trial`). When that time is over, one delivery is tried. Three kinds take turns: the most
   attempted one, a fresh one, any retry. A parked delivery of the kind in turn is waited for 1 s
   and an eighth of the time open. Success closes the breaker, failure opens it again.
5. Pace (`lane.Pace`). After an outage parked deliveries return at up to twice the earlier rate of
   fresh ones (times 0.95, fresh ones included). If no rate is known: one in 2 s, doubling every
   minute. While the row of failures is as long as the longest recent one: one in 5 s. The pace
   ends when no delivery had to wait for it for 90 s.
6. Cap (`lane`). An endpoint has at most 4 attempts under way at first; one more after each healthy
   answer, up to 16; half after each failure, at least 1; and 1 when its breaker opens.
7. Rate (`rate`). A webhook's own limit is a token bucket of 0.1 s, divided by the number of
   deliverers. At most 100 deliveries of a process wait in lines only for a rate (`MAX_HELD_BACK`).
8. Process limit (`lanes`). A process has 512 attempts under way. Sick endpoints share a fifth of
   that. An endpoint is sick after 2 failures in a row, with answers over 2 s on average, or with an
   attempt under way for 20 times its average, within 0.5 to 2 s. Attempts at sick endpoints take no
   room from others; all attempts together may be 8 times the limit (`HANGING`).
9. Line and parking (`lanes`, `policy`). A delivery that rule 2, 3, 4 or 5 stops is parked. One that
   only rule 6, 7 or 8 stops waits in its lane's line, if it would wait for 1 s at most
   (`MAX_WAIT_S`); otherwise it is parked until its turn, 2 to 60 s. A sick endpoint with room under
   its cap does not wait for the share of the sick, but is parked. Where only the process has no
   room there is no turn: a delivery is parked for 2, 4, 8, ... up to 60 s.

What couples them:

- A failure halves the cap (6), makes the endpoint sick (8), lengthens the row (3) and slows or
  stops the pace (5). A healthy answer does the opposite; the one that closes the breaker starts
  the pace.
- A pause, a rate, or a time in which this process could attempt nothing must not open the breaker:
  the breaker counts at most 2 s of such a silence (`presence`), and the clock leaves out the time
  in which the process did not run (`clock`).
- Lines of sick endpoints and of rates do not close the gate: their deliveries leave by parking.
- Breakers and pauses of a second and more are broadcast, best effort (`health_broadcast`). Other
  deliverers then pause the endpoint, and routers park its fresh deliveries themselves, for 5
  minutes at most. A success that closes a breaker closes it everywhere.
"""
