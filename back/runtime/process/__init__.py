"""What this process takes of the machine: memory, threads, the console's encoding; nothing about photos or models."""
