"""The command line and the composition root: builds the parts, passes them to each other, closes them."""
