/** In Node what a test asks: reads {client, judging, do, given} from standard input, writes what it came to. */
import { pathToFileURL } from "node:url";

let asked = "";
for await (const piece of process.stdin) asked += piece;
const { client, judging, act, given } = JSON.parse(asked);
const jisr = await import(pathToFileURL(client)), judge = await import(pathToFileURL(judging));
process.stdout.write(JSON.stringify(await judge[act](jisr, ...given)));
