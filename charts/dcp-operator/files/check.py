"""What `helm test` runs: the operator answers, and the API server knows pipelines."""

import json
import ssl
import sys
import urllib.request
from pathlib import Path

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def read(url: str, **options: object) -> dict:
    with urllib.request.urlopen(url, timeout=10, **options) as answer:
        return json.load(answer)


for page in ("healthz", "readyz"):
    said = read(f"http://{sys.argv[1]}/{page}")
    print(f"operator /{page}: {said['status']}")

request = urllib.request.Request(
    "https://kubernetes.default.svc/apis/datacleaning.io/v1beta1",
    headers={"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}"},
)
served = read(request, context=ssl.create_default_context(cafile=ACCOUNT / "ca.crt"))
names = {each["name"] for each in served["resources"]}
wanted = {"datacleaningpipelines", "datacleaningpipelines/status"}
if not wanted <= names:
    sys.exit(f"not served: {', '.join(sorted(wanted - names))}")
print("the API server serves DataCleaningPipeline")
