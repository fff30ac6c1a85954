"""All that starts and steers items: the client facade and the shell command."""
