"""The patterns of `nn-sink-transposes`, by the kind of op that a transpose moves behind."""
