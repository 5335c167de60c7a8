"""What a driver is told at the roadside: pure, from events and the plan of a sign."""
