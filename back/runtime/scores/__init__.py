"""The one place where pixels are counted and scores worked out: confusion matrix, IoU, intervals; reads no files
and draws nothing."""
