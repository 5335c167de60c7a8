"""Who is told what, when, in which words: routes, groups, silences, texts. Pure; adapters/notify carries it out."""
