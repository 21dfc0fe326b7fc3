"""What a Python without TensorFlow has in its place."""

raise ImportError("there is no TensorFlow")
