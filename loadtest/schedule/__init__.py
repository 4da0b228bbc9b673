"""When requests are sent: schedules, pacing, recordings, and the dial that changes the rate."""
