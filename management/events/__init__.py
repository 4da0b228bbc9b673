"""Records over HTTP: listEvents, followEvents, and the live views."""
