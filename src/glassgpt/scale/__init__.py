"""What needs more than one list and one core; imported only when it is asked for."""
