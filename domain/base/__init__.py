"""Values, refusals and checks that the rest of the domain uses."""
