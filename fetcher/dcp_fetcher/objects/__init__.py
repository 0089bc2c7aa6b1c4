"""One object of a source: in goes its name, what is new of it becomes batches, out comes a look. Start at reader.py."""

from dcp_fetcher.objects.looks import Look as Look
from dcp_fetcher.objects.looks import Outcome as Outcome
from dcp_fetcher.objects.looks import SourceTerms as SourceTerms
from dcp_fetcher.objects.reader import ObjectReader as ObjectReader
