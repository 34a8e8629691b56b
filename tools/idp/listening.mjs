// Listening on this machine only.

import { createServer } from "node:http";

/** Starts a server on a port (0: any free one), and gives its address once it listens. `host` is only what it is called. */
export async function listen({ port = 0, host = "127.0.0.1" }) {
    const server = createServer();
    await new Promise((listening, failed) => {
        server.once("error", failed);
        server.listen(Number(port), "127.0.0.1", listening);
    });
    return { server, base: `http://${host}:${server.address().port}`, port: server.address().port };
}
