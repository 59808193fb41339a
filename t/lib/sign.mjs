// Signs as senders do.  A question is {name, secret, body, age}, secret and body
// in base64; the answer is a list of headers, names and values one after the
// other, or {error}.

import readline from 'node:readline';

const sign = {
    'standardwebhooks': (m, secret, body, n, time) =>
        [ 'webhook-id', 'msg_' + n, 'webhook-timestamp', time,
          'webhook-signature',
          new m.Webhook(secret).sign('msg_' + n, new Date(time * 1000),
                                     body) ],

    'svix': (m, secret, body, n, time) =>
        [ 'webhook-id', 'msg_' + n, 'webhook-timestamp', time,
          'webhook-signature',
          new m.Webhook(secret).sign('msg_' + n, new Date(time * 1000),
                                     body) ],

    '@octokit/webhooks-methods': async (m, secret, body) =>
        [ 'X-Hub-Signature-256', await m.sign(secret, body) ],

    'stripe': (m, secret, body, n, time) => {
        return [ 'Stripe-Signature',
                 new m.default('sk_test_x').webhooks.generateTestHeaderString({
                     payload: body, secret, timestamp: time }) ];
    },
};

const modules = {};
let n = 0;

for (const name of Object.keys(sign)) {
    try {
        modules[name] = await import(name);
    } catch (e) {
        modules[name] = e;
    }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
    const { name, secret, body, age } = JSON.parse(line);
    const text = Buffer.from(body, 'base64').toString();
    const time = Math.floor(Date.now() / 1000) - age;
    let answer;

    try {
        if (modules[name] instanceof Error) throw modules[name];
        answer = await sign[name](modules[name],
                                  Buffer.from(secret, 'base64').toString(),
                                  text, ++n, time);
    } catch (e) {
        answer = { error: String(e).split('\n')[0] };
    }

    console.log(JSON.stringify(answer));
}
