"""What people say is wrong in a record: to the node that wrote it, and to the hub's own people."""
