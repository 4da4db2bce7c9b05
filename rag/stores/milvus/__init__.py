"""An index that Milvus keeps: the same :class:`rag.protocols.Store`, over the network.

A generation is a row of numbers in a set of four collections (passages, sentences, documents, terms): what a build
writes carries the generation's number and is seen by nobody until an alias leads to the collection that holds the new
manifest. ``docs/milvus.md`` has the layout and the reasons.
"""
