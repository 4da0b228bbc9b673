"""Send requests at their times: the engine, the posters, the sources of content."""
