"""From the ledger to what the world reads: immutable pages, the state tree, the signed head."""
