"""An optional short answer, by a model that the user configures, checked sentence by sentence against the citations.

facts.py, names.py    numbers, dates and names in a sentence
support.py            whether the cited passages support a sentence
draft.py              what the model writes, as it comes -> sentences with their footnotes
prompt.py             the question and the cited passages -> what the model is told
protocol.py           the bytes of an event stream -> pieces of text
endpoint.py           the one address that is asked
writer.py             all of it: an answer -> checked sentences, one after the other
"""
