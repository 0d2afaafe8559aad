"""Write down what is said."""
