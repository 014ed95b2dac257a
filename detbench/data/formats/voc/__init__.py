"""PASCAL VOC: devkits of XML annotations, and folders of comp3/comp4 results."""
