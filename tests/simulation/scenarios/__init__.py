"""The scenarios, one module each: what is named SCENARIO there is run by every driver, and listed nowhere else."""
