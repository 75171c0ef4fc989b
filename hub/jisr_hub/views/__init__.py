"""What the hub shows to whom: policies, feeds beside the public one, who reads the restricted ones."""
