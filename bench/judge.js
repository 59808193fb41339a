// The judgement of the module as somebody would write it for njs.  Its
// js_content reads the body, and hands accepted requests to the location that
// $judged_upstream names; there is no handler of an earlier phase that could wait
// for a body.

import crypto from 'crypto';

const key = 's3cr3t-of-the-plugin';

const secrets = { [key]: true };

const uuid = new RegExp('^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}'
                        + '-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$');
const slug = /^[A-Za-z0-9_-]{1,50}$/;

function isUuid(v) { return typeof v === 'string' && uuid.test(v); }
function isSlug(v) { return typeof v === 'string' && slug.test(v); }
function isString(v) { return typeof v === 'string' && v !== ''; }
function isIdentifier(v) { return isString(v) || Number.isInteger(v); }
function isBoolean(v) { return typeof v === 'boolean'; }
function isAny(v) { return v !== undefined; }
function isObject(v) {
    return typeof v === 'object' && v !== null && !Array.isArray(v);
}

const events = {
    luzmo: {
        data_available: [['slug', isSlug], ['user_id', isUuid],
                         ['key', isUuid]],
        data_updated: [['slug', isSlug], ['user_id', isUuid],
                       ['key', isUuid], ['dataset_id', isString]],
        account_deleted: [['slug', isSlug], ['user_id', isUuid],
                          ['key', isUuid]],
    },

    envelope: [
        ['workspace_id', (v) => typeof v === 'string'],
        ['customer_id', (v) => typeof v === 'string' || v === null],
        ['event', isString], ['state', isAny], ['payload', isObject],
    ],

    munity: {
        webhook_test: [['test', isBoolean]],
        integration_new_data_model: [
            ['id', isIdentifier], ['resource_id', isIdentifier],
            ['type', isString],
        ],
        integration_updated_data_model: [
            ['id', isIdentifier], ['resource_id', isIdentifier],
            ['type', isString], ['diff', isAny], ['data', isAny],
        ],
        integration_deleted_data_model: [
            ['id', isIdentifier], ['resource_id', isIdentifier],
            ['type', isString],
        ],
        integration_installed: [
            ['id', isIdentifier], ['connector_type', isString],
            ['metadata', isAny], ['state', isAny],
        ],
        integration_import_done: [
            ['id', isIdentifier], ['connector_type', isString],
        ],
        integration_cannot_refresh_oauth_token: [
            ['id', isIdentifier], ['error', isAny],
        ],
        integration_oauth_token_fixed: [['id', isIdentifier]],
    },
};

function refuse(r, status, reason, field) {
    r.headersOut['Content-Type'] = 'application/json';
    r.return(status, JSON.stringify({ message: reason, reason, field }));
}

// true if a member is missing or wrong, and the request is refused
function check(r, object, members) {
    for (let i = 0; i < members.length; i++) {
        const value = object[members[i][0]];

        if (value === undefined) {
            refuse(r, 400, 'missing_field', members[i][0]);
            return true;
        }

        if (!members[i][1](value)) {
            refuse(r, 400, 'invalid_field', members[i][0]);
            return true;
        }
    }

    return false;
}

// undefined if the request is refused
function begin(r) {
    if (r.method !== 'POST') {
        r.headersOut.Allow = 'POST';
        refuse(r, 405, 'method_not_allowed');
        return undefined;
    }

    const secret = r.headersIn['X-Secret'];

    if (!secret) {
        refuse(r, 401, 'missing_secret');
        return undefined;
    }

    if (!secrets[secret]) {
        refuse(r, 401, 'invalid_secret');
        return undefined;
    }

    const type = r.headersIn['Content-Type'];

    if (!type || !type.startsWith('application/json')) {
        refuse(r, 415, 'unsupported_media_type');
        return undefined;
    }

    let payload;

    try {
        payload = JSON.parse(r.requestText);
    } catch (e) {
        payload = undefined;
    }

    if (!isObject(payload)) {
        refuse(r, 400, 'invalid_json');
        return undefined;
    }

    return payload;
}

function luzmo(r) {
    const name = r.uri.split('/').pop();
    const members = events.luzmo[name];

    if (!members) {
        refuse(r, 404, 'unknown_event');
        return;
    }

    const payload = begin(r);

    if (payload === undefined || check(r, payload, members)) {
        return;
    }

    r.internalRedirect(r.variables.judged_upstream);
}

function munity(r) {
    const event = begin(r);

    if (event === undefined || check(r, event, events.envelope)) {
        return;
    }

    const members = events.munity[event.event];

    if (!members) {
        refuse(r, 400, 'unknown_event', 'event');
        return;
    }

    if (!check(r, event.payload, members)) {
        r.internalRedirect(r.variables.judged_upstream);
    }
}

// GitHub's signature; "===" is what everybody writes
function signed(r) {
    if (r.method !== 'POST') {
        r.headersOut.Allow = 'POST';
        refuse(r, 405, 'method_not_allowed');
        return;
    }

    const signature = r.headersIn['X-Hub-Signature-256'];

    if (!signature) {
        refuse(r, 401, 'missing_signature');
        return;
    }

    const mac = crypto.createHmac('sha256', key).update(r.requestBuffer)
                .digest('hex');

    if (signature !== `sha256=${mac}`) {
        refuse(r, 401, 'invalid_signature');
        return;
    }

    r.internalRedirect(r.variables.judged_upstream);
}

export default { luzmo, munity, signed };
