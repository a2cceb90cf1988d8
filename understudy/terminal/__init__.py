"""What all commands share: output, progress, interrupts, and options that are secrets."""
