"""What comes back to those who publish: how often their records were used here, without following anybody."""
