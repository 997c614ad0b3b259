"""An operator's CAMARA APIs behind the operator port; needs the extra `camara`. Nothing is imported here."""
