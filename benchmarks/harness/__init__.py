"""What every measurement needs: a broker, a sink, processes that can be held, and figures."""
