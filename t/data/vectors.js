// usage: node t/data/vectors.js folder >t/data/vectors.json
//
// Makes events that the senders' own packages have signed, or have verified,
// for t/049-scheme-vectors.t.  The folder is one in which they are installed:
//
//     npm install svix standardwebhooks discord-interactions square \
//         @paddle/paddle-node-sdk @sendgrid/eventwebhook

'use strict';

const crypto = require('crypto');
const path = require('path');
const { createRequire } = require('module');

if (process.argv.length !== 3 || process.argv[2].startsWith('-')) {
    console.error('usage: node t/data/vectors.js folder');
    process.exit(2);
}

const load = createRequire(path.resolve(process.argv[2], 'package.json'));

const Host = 'hooks.example.com';
const Body = '{"id":"evt_1","text":"caf\u00e9 \\u00e9 \ud83d\ude00","n":-1.5e3}';
const Now = 1700000000;
const Secret = 'hush of a sender';
const Whsec = 'whsec_' + Buffer.from('0123456789abcdef0123456789abcdef')
                               .toString('base64');

const hmac = (key, text, encoding) =>
    crypto.createHmac('sha256', key).update(text).digest(encoding);

// The raw key is at the end of its DER.
const raw = (key) =>
    key.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex');

// Says whether the package takes the headers; its clock is that of the event.
async function verified(name, verify) {
    const system = Date;

    globalThis.Date = class extends system {
        constructor(...time) { super(...(time.length ? time : [Now * 1000])); }
        static now() { return Now * 1000; }
    };

    try {
        if (await verify() === false) {
            throw new Error('the signature is not valid');
        }
    } catch (error) {
        throw new Error(name + ': ' + error.message);
    } finally {
        globalThis.Date = system;
    }
}

const senders = {
    async svix() {
        const { Webhook } = load('svix');
        const webhook = new Webhook(Whsec);
        const headers = {
            'svix-id': 'msg_1',
            'svix-timestamp': String(Now),
            'svix-signature': webhook.sign('msg_1', new Date(Now * 1000), Body),
        };

        return { secret: Whsec, headers };
    },

    async standard() {
        const { Webhook } = load('standardwebhooks');
        const webhook = new Webhook(Whsec);
        const headers = {
            'webhook-id': 'msg_1',
            'webhook-timestamp': String(Now),
            'webhook-signature': webhook.sign('msg_1', new Date(Now * 1000),
                                              Body),
        };

        return { secret: Whsec, headers };
    },

    async discord() {
        const { verifyKey } = load('discord-interactions');
        const pair = crypto.generateKeyPairSync('ed25519');
        const secret = raw(pair.publicKey);
        const signature = crypto.sign(null, Buffer.from(Now + Body),
                                      pair.privateKey).toString('hex');

        await verified('discord', () =>
            verifyKey(Body, signature, String(Now), secret));

        return { secret, headers: { 'X-Signature-Timestamp': String(Now),
                                    'X-Signature-Ed25519': signature } };
    },

    async paddle() {
        const { Paddle } = load('@paddle/paddle-node-sdk');
        const header = 'ts=' + Now + ';h1='
                       + hmac(Secret, Now + ':' + Body, 'hex');

        await verified('paddle', () =>
            new Paddle('key').webhooks.isSignatureValid(Body, Secret, header));

        return { secret: Secret, headers: { 'Paddle-Signature': header } };
    },

    async square() {
        const { WebhooksHelper } = load('square');
        const url = 'https://' + Host + '/square';
        const signature = hmac(Secret, url + Body, 'base64');

        await verified('square', () => WebhooksHelper.verifySignature({
            requestBody: Body,
            signatureHeader: signature,
            signatureKey: Secret,
            notificationUrl: url,
        }));

        return { secret: Secret,
                 headers: { 'x-square-hmacsha256-signature': signature } };
    },

    async sendgrid() {
        const { EventWebhook } = load('@sendgrid/eventwebhook');
        const pair = crypto.generateKeyPairSync('ec',
                                                { namedCurve: 'prime256v1' });
        const secret = pair.publicKey.export({ type: 'spki', format: 'der' })
                           .toString('base64');
        const signature = crypto.sign('sha256', Buffer.from(Now + Body),
                                      pair.privateKey).toString('base64');
        const webhook = new EventWebhook();

        await verified('sendgrid', () => webhook.verifySignature(
            webhook.convertPublicKeyToECDSA(secret), Body, signature,
            String(Now)));

        const name = 'X-Twilio-Email-Event-Webhook-';
        return { secret, headers: { [name + 'Timestamp']: String(Now),
                                    [name + 'Signature']: signature } };
    },
};

async function main() {
    const vectors = {};

    for (const [name, make] of Object.entries(senders)) {
        vectors[name] = await make();
    }

    console.log(JSON.stringify({ host: Host, body: Body, vectors }, null, 2));
}

main().catch((error) => {
    console.error(error.message);
    process.exit(1);
});
