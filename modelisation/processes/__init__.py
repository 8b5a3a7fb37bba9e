"""What the processes of one run know of each other and have together; what they train is in `training`."""
