"""Operations by command: what an operator needs of recording when the pages are down, over its HTTP API alone."""
