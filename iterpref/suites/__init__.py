"""What a benchmark is: prompts, extraction. Here: the renderer that training, collecting and evaluation share."""
