"""What acts do, by what they are about. Each function is a `bench.Work`."""
