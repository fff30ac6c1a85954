"""Values, refusals and checks that everything else in the domain is made of."""
