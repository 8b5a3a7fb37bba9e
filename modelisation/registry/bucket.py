"""Make the bucket of an MLflow server's artifacts where it is missing: `python -m modelisation.registry.bucket`.

For an object store that begins empty, as that of docker-compose.yml does. Needs no torch.
"""

import os
import sys
from urllib.parse import urlsplit

from back.runtime.errors import UserError


def make_bucket(destination: str) -> str | None:
    """Make the bucket of `s3://bucket/prefix`; returns its name, or None where it was there.

    Raises:
        UserError: that is no such address, or the object store refuses or does not answer.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    parts = urlsplit(destination)
    if parts.scheme != "s3" or not parts.netloc:
        raise UserError(f"MLFLOW_ARTIFACTS_DESTINATION={destination}: write s3://bucket/prefix")
    client = boto3.client("s3")
    try:
        if parts.netloc in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
            return None
        client.create_bucket(Bucket=parts.netloc)
    except (BotoCoreError, ClientError) as error:
        raise UserError(f"{destination}: {error}; see AWS_ENDPOINT_URL and AWS_ACCESS_KEY_ID") from error
    return parts.netloc


def main() -> int:
    """Make the bucket of MLFLOW_ARTIFACTS_DESTINATION; returns the exit status."""
    try:
        made = make_bucket(os.environ.get("MLFLOW_ARTIFACTS_DESTINATION", ""))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"Made the bucket {made}" if made else "The bucket is there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
