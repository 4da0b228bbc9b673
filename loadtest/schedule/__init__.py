"""When requests are sent: schedules, pacing, traces, and the dial that changes the rate."""
