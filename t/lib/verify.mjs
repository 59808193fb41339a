// Verifies as receivers of Standard Webhooks do.  A question is {name, secret,
// id, timestamp, signature, body}: the package, its secret in base64, the values
// of webhook-id, webhook-timestamp and webhook-signature, and the body in base64,
// which has to be JSON.  The answer is {ok: true} or {error}.

import readline from 'node:readline';

const modules = {};

for (const name of ['standardwebhooks', 'svix']) {
    try {
        modules[name] = await import(name);
    } catch (e) {
        modules[name] = undefined;
    }
}

function text(base64) {
    return Buffer.from(base64, 'base64').toString();
}

for await (const line of readline.createInterface({ input: process.stdin })) {
    const { name, secret, id, timestamp, signature, body } = JSON.parse(line);
    let answer = { ok: true };

    try {
        if (!modules[name]) throw new Error('no package ' + name);

        new modules[name].Webhook(text(secret)).verify(text(body), {
            'webhook-id': id,
            'webhook-timestamp': String(timestamp),
            'webhook-signature': signature,
        });
    } catch (e) {
        answer = { error: e.message };
    }

    console.log(JSON.stringify(answer));
}
