"""The words of `jisr-hub`: options, questions and answers. They import what does the work when it is asked for."""
