"""The Compare page: where two models differ on one photo and which is right; photos are added in `front/photos`."""
