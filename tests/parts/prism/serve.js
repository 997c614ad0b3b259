// Serves OpenAPI documents as `prism mock --errors` does, each on a port of its own, all in one process:
//   node serve.js PORT=FILE...
// Prints "ready" once all are served. Ends when its standard input does.
'use strict';

const { createSingleProcessPrism } = require('@stoplight/prism-cli/dist/util/createServer');

const PER_DOCUMENT = {
  cors: false,
  dynamic: false,
  errors: true,
  host: '127.0.0.1',
  ignoreExamples: false,
  multiprocess: false,
  verboseLevel: 'silent',
};

async function main() {
  for (const served of process.argv.slice(2)) {
    const [port, document] = served.split('=', 2);
    await createSingleProcessPrism({ ...PER_DOCUMENT, port: Number(port), document });
  }
  process.stdout.write('ready\n');
}

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
