"""How a label map becomes a picture: colours, palette PNG, compression; not how the labels are found."""
