"""The patterns of `nn-fuse-qdq`, by the kind of op between dequantisation and quantisation."""
