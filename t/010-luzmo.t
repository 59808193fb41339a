use lib 't/lib';

# How long Test::Nginx waits for the log, three times this after each request;
# here there are hundreds, and what they log is there before they are answered.
BEGIN { $ENV{TEST_NGINX_SLEEP} //= 0.004 }

use WebhookTest 'no_plan';

# Luzmo's events over HTTP/1.1: what is accepted arrives upstream byte for
# byte, what is refused gets one exact answer.

use Answers qw(luzmo);
use LuzmoEvent qw($User $Key $Headers payload post);

our $Upstream = Answers::echo(
    text => '"$request_method $request_uri $content_type\n$request_body"');

our $Config = <<'END';
    location /hook/ {
        webhook luzmo;
        webhook_secret right slug=acme;
        webhook_secret newer slug=acme;
        webhook_secret theirs slug=other-1_X;
        webhook_secret shared slug=acme;
        webhook_secret shared slug=other-1_X;
        webhook_secret any;

        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /renamed/ {
        webhook luzmo;
        webhook_secret right slug=acme;
        webhook_secret_header x-plugin-TOKEN;

        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /off/ {
        webhook luzmo;
        webhook_secret off;

        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /paged/ {
        webhook luzmo;
        webhook_secret right slug=acme;
        error_page 400 401 403 404 405 415 /page;

        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location = /page {
        return 200 "page\n";
    }
END

our %Must = (
    slug => 'slug must be 1 to 50 characters of A-Z, a-z, 0-9, _ and -',
    user_id => 'user_id must be a UUID',
    key => 'key must be a UUID',
    dataset_id => 'dataset_id must be a non-empty string',
);

# Test::Nginx trims bodies unless they come with a length.
sub exactly { map { $Headers . 'Content-Length: ' . length($_) . "\n" } @_ }

sub echo { map { "POST /hook/data_updated application/json\n$_" } @_ }

sub about {
    my ($field, $message, $reason) = @_;

    return luzmo(400, $message, $reason, field => $field);
}

sub missing { about($_[0], "$_[0] is required", 'missing_field') }
sub twice { about($_[0], "$_[0] is there more than once", 'duplicate_field') }
sub invalid { about($_[0], $Must{$_[0]}, 'invalid_field') }

sub invalid_json { luzmo('invalid_json', offset => $_[0]) }

our $NoEvent = luzmo('unknown_event');
our $NoMethod = luzmo('method_not_allowed');
our $Missing = luzmo('missing_secret');
our $Invalid = luzmo('invalid_secret');
# Media types of JSON, whatever their parameters are, unless one says that the
# bytes mean other letters than those that were checked.
our @Json = (
    'application/json; charset=utf-8', 'application/json;charset="UTF-8"',
    'application/json; Charset=Utf-8 ; charset=utf-8', 'application/json ;',
    'application/json;; ;x=y', 'APPLICATION/Json', 'application/vnd.api+json',
    'application/VND.api+JSON; a=b', 'application/json; a="b; \\"charset=x"',
    "application/json\t; x",
);

our @NotJson = (
    'application/json; charset=utf-7', 'application/json;charset=x',
    'application/json;charset="utf-16"', 'application/json; CHARSET=latin1',
    'application/json; charset=utf-8; charset=utf-7',
    'application/json; charset', 'application/json; charset=',
    'application/json; charset=""', 'application/json; charset =utf-7',
    'application/vnd.api+json; charset=utf-7', 'application/json; a="b',
    'application/json; a="b"; charset=utf-7', 'application/json; a=b c=d',
    'application/json charset=utf-7', 'application/a/b+json',
    'application/json/x', 'application/+json', 'application/text,a+json',
    'text/plain, application/json', 'application /json', '/json',
    "application/json; charset*=utf-8''utf-7", 'application/json; charset*',
    'application/json; charset*=utf-7', 'application/json; Charset*0=utf-7',
    'application/json; charset*0*="utf-7"',
);

our $Type = luzmo('unsupported_media_type');
our $Encoding = luzmo('unsupported_encoding');
our $Empty = luzmo('empty_body');
our $Object = luzmo(400, 'the body must be a JSON object', 'invalid_field');
our $Plugin = luzmo('wrong_plugin', field => 'slug');

# Texts that are no JSON, and where that shows.
our @Bad = (
    ['{} {}', 3],                       # two values
    ['{}{}', 2],
    ['{},', 2],
    ["{}\0", 2],
    ["\xef\xbb\xbf{}", 0],              # a byte order mark
    ["{\"a\":\"\xff\"}", 6],            # bytes that are not UTF-8
    ["{\"a\":\"\xc3\"}", 7],
    ["{\"a\":\"\xc0\xaf\"}", 6],        # overlong
    ["{\"a\":\"\xe0\x80\xaf\"}", 7],
    ["{\"a\":\"\xed\xa0\x80\"}", 7],    # a surrogate
    ["{\"a\":\"\xf4\x90\x80\x80\"}", 7],
    ["{\"\xe9\":1}", 3],                # ISO 8859-1
    ["{\"a\":\"\n\"}", 6],              # raw control characters
    ["{\"a\":\"\t\"}", 6],
    ["{\"a\":\"\0\"}", 6],
    ["{'a':1}", 1],
    ['{a:1}', 1],
    ['{"a" 1}', 5],
    ['{"a":}', 5],
    ['{"a":1,}', 7],
    ['{,}', 1],
    ['{"a":1 "b":2}', 7],
    ['{"a":[1,]}', 8],
    ['{"a":[1}}', 7],
    ['{"a":1]', 6],
    ['{"a":01}', 6],
    ['{"a":+1}', 5],
    ['{"a":.5}', 5],
    ['{"a":1.}', 7],
    ['{"a":1e}', 7],
    ['{"a":-}', 6],
    ['{"a":0x1}', 6],
    ['{"a":NaN}', 5],
    ['{"a":nul}', 8],
    ['{"a":True}', 5],
    ['{"a":"\x"}', 7],
    ['{"a":"\u12g4"}', 10],
    ['// x', 0],
    ['<a/>', 0],
    ["{\"a\":1\f}", 6],
);

# Blanks, escapes, numbers that no type holds, other members: all of it JSON.
our $Odd = "\t{ \"other\" : 1e400, \"n\":123456789012345678901234567890.10,\r\n"
           . qq( "text": "\\u0000 \\ud800 \\/ \\u00e9 \xc3\xa9 \xf0\x9f\x98\x80)
           . qq(\x7f", "slug": "\\u0061cme", "list":[ 1,2 , {} ],\n)
           . qq( "user_id":"$User","key":"$Key",)
           . qq("dataset_id":"Selected Playlist","other":2 } \n\n);

our $Sample = qq({\n  "slug": "acme",\n  "user_id": "$User",\n)
              . qq(  "key": "$Key",\n});

our @Uuids = (uc $User, 'AbCdEf01-2345-6789-aBcD-eF0123456789',
              '00000000-0000-0000-0000-000000000000',
              'ffffffff-ffff-ffff-ffff-ffffffffffff',
              '\u0036' . substr $User, 1);

our @NoUuids = (substr($User, 1), $User . '0', "{$User}", "urn:uuid:$User",
                $User =~ s/-//gr, $User =~ s/6b/6g/r, " $User", "$User ",
                $User =~ s/-4f57/4-f57/r, $User =~ s/6b/\\u0000b/r,
                "$User\\u0000", $User =~ s/-/\xe2\x80\x90/gr, '-' x 36,
                ' ' x 36, 'x' x 9000);

# A whole event, cut off after so many bytes.
our @Cuts = grep { $_ % 9 == 1 } 1 .. length(payload()) - 1;

our @Slugs = ('a', '-', '_', '0', 'x' x 50, 'AZaz09_-', '\u0041');

our @NoSlugs = ('x' x 51, 'ac me', ' acme', 'acme ', 'acme\r\n', 'ac\r\nme',
                'acme\u0000', 'acme\u0000x', 'acm.e', 'acme/', "acm\xc3\xa9",
                'acm\u00e9', '\ud800', 'acme\"', 'x' x 20000);

our @Sets = ('"Selected Playlist"', '" "', '"\r\n"', '"\u0000"', '"\ud800"',
             qq("\xf0\x9f\x98\x80"), '"' . 'x' x 30000 . '"');

# Members beside those that an event needs.
our @Others = map { payload() =~ s/^\{/{$_,/r }
    '"a":1,"a":2', '"x":{"slug":7,"slug":null,"key":"x"}',
    '"x":[{"slug":1},{"slug":2},[{"slug":3}]]', '"":0',
    '"slug ":1,"Slug ":2,"slu":3', '"' . 'n' x 5000 . '":1',
    '"payload":{"slug":{}}', '"__proto__":{}';

our @Deep = map { payload() =~ s/\}$/,"x":$_}/r }
    '[' x 511 . ']' x 511, '{"a":' x 511 . '1' . '}' x 511,
    '[' x 512 . ']' x 512, '{"a":' x 512 . '1' . '}' x 512, '[' x 100000;

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', $Upstream);
    $block->set_value('config', $Config);
    $block->set_value('more_headers', $Headers)
        unless defined $block->more_headers;
});

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: the three events pass, with the members that each needs
--- request eval
my $account = ::payload(dataset_id => undef);
["POST /hook/data_available\n$account",
 "POST /hook/account_deleted\n$account",
 ::post(::payload())]
--- error_code eval
[200, 200, 200]
--- response_body eval
my $account = ::payload(dataset_id => undef);
["POST /hook/data_available application/json\n$account",
 "POST /hook/account_deleted application/json\n$account",
 ::echo(::payload())]



=== TEST 2: an accepted body goes upstream as it came: blanks, escapes, numbers
--- request eval
[::post($::Odd)]
--- more_headers eval
[::exactly($::Odd)]
--- error_code: 200
--- response_body eval
[::echo($::Odd)]



=== TEST 3: the last segment of the path names the event, wherever the location is
--- request eval
my $account = ::payload(dataset_id => undef);
["POST /hook/0.1.0/webhook/plugin/data_available\n$account",
 "POST /hook//account_deleted?a=/b\n$account",
 "POST /hook/data%5Favailable\n$account"]
--- error_code eval
[200, 200, 200]
--- response_body eval
my $account = ::payload(dataset_id => undef);
["POST /hook/0.1.0/webhook/plugin/data_available application/json\n$account",
 "POST /hook//account_deleted?a=/b application/json\n$account",
 "POST /hook/data%5Favailable application/json\n$account"]



=== TEST 4: a path that names no event: 404
--- request eval
my $body = ::payload();
[map { "POST /hook/$_\n$body" }
     '', 'unknown', 'data_update', 'data_updated2', 'Data_updated',
     'data_updated/', 'data_updated/x', 'data_updated.json', 'data_updated%0A',
     'data_updated%2F', '?data_updated', 'x%2Fdata_updated',
     'account_deleted/..%2fdata_updated', 'x/%2e%2e/data_updated']
--- error_code eval
[(404) x 14]
--- response_body eval
[($::NoEvent) x 14]
--- response_headers eval
[("Content-Type: application/json\n!Allow\n!WWW-Authenticate") x 14]



=== TEST 5: another method than POST: 405, with Allow
--- request eval
[(map { "$_ /hook/data_updated" } qw(GET DELETE OPTIONS FOO)),
 (map { "$_ /hook/data_updated\n" . ::payload() } qw(PUT PATCH))]
--- error_code eval
[(405) x 6]
--- response_body eval
[($::NoMethod) x 6]
--- response_headers eval
[("Content-Type: application/json\nAllow: POST") x 6]



=== TEST 6: HEAD gets the answer's headers and no body
--- request
HEAD /hook/data_updated
--- error_code: 405
--- response_body:
--- response_headers eval
"Content-Type: application/json\nAllow: POST\nContent-Length: "
. length $::NoMethod



=== TEST 7: no secret: 401, with the header's name as the scheme
--- request eval
[::post(::payload())]
--- more_headers
Content-Type: application/json
--- error_code: 401
--- response_body eval
[$::Missing]
--- response_headers
WWW-Authenticate: X-Secret
Content-Type: application/json
!Allow



=== TEST 8: an empty, a wrong, an almost right and a doubled secret: 401
--- request eval
[(::post(::payload())) x 10]
--- more_headers eval
[map { "Content-Type: application/json\n$_" }
     'X-Secret:', 'X-Secret: wrong', 'X-Secret: righ', 'X-Secret: rightt',
     'X-Secret: Right', 'X-Secret: right, right', "X-Secret: \x80\xff",
     "X-Secret: right\nX-Secret: right", "X-Secret: right\nX-Secret: wrong",
     "X-Secret:\nx-secret: right"]
--- error_code eval
[(401) x 10]
--- response_body eval
[($::Invalid) x 10]
--- response_headers eval
[("WWW-Authenticate: X-Secret\nContent-Type: application/json") x 10]



=== TEST 9: each of a plugin's secrets is right, blanks around it are not part of it
--- request eval
[::post((::payload()) x 5)]
--- more_headers eval
[map { "Content-Type: application/json\n$_" }
     'X-Secret: right', 'x-sEcReT: newer', 'X-Secret: shared', 'X-Secret: any',
     "X-Secret:    right  "]
--- error_code eval
[(200) x 5]
--- response_body eval
[::echo((::payload()) x 5)]



=== TEST 10: a right secret with another plugin's slug: 403
--- request eval
[::post(map { ::payload(slug => $_) }
                '"other-1_X"', '"other-1_X"', '"acme"', '"ACME"', '"acm"',
                '"acme2"', '"third"')]
--- more_headers eval
[map { "Content-Type: application/json\nX-Secret: $_" }
     qw(right newer theirs right right right shared)]
--- error_code eval
[(403) x 7]
--- response_body eval
[($::Plugin) x 7]
--- response_headers eval
[("Content-Type: application/json\n!WWW-Authenticate") x 7]



=== TEST 11: a secret of two plugins, and one of any
--- request eval
[::post(map { ::payload(slug => $_) }
                '"acme"', '"other-1_X"', '"other-1_X"', '"third"')]
--- more_headers eval
[map { "Content-Type: application/json\nX-Secret: $_" }
     qw(shared shared theirs any)]
--- error_code eval
[(200) x 4]
--- response_body eval
[::echo(map { ::payload(slug => $_) }
                '"acme"', '"other-1_X"', '"other-1_X"', '"third"')]



=== TEST 12: the slug that the secret belongs to is compared decoded
--- request eval
[::post(::payload(slug => '"\u0061c\u006de"'),
            ::payload(slug => '"\u0061c\u006dd"'))]
--- error_code eval
[200, 403]
--- response_body eval
[::echo(::payload(slug => '"\u0061c\u006de"')), $::Plugin]



=== TEST 13: webhook_secret_header
--- request eval
[("POST /renamed/data_updated\n" . ::payload()) x 4]
--- more_headers eval
[map { "Content-Type: application/json\n$_" }
     'X-Plugin-Token: right', 'X-Secret: right', 'X-Plugin-Token: wrong',
     "X-Plugin-Token: right\nx-plugin-token: right"]
--- error_code eval
[200, 401, 401, 401]
--- response_body eval
["POST /renamed/data_updated application/json\n" . ::payload(),
 $::Missing, $::Invalid, $::Invalid]
--- response_headers eval
['!WWW-Authenticate', ('WWW-Authenticate: x-plugin-TOKEN') x 3]



=== TEST 14: webhook_secret off: no secret is looked at, the payload is
--- request eval
my $body = ::payload();
["POST /off/data_updated\n$body", "POST /off/data_updated\n$body",
 "POST /off/data_updated\n" . ::payload(slug => undef)]
--- more_headers eval
['Content-Type: application/json',
 "Content-Type: application/json\nX-Secret: whatever",
 'Content-Type: application/json']
--- error_code eval
[200, 200, 400]
--- response_body eval
my $body = ::payload();
["POST /off/data_updated application/json\n$body",
 "POST /off/data_updated application/json\n$body",
 ::missing('slug')]



=== TEST 15: Content-Type of another kind, none or two: 415
--- request eval
[::post((::payload()) x 15)]
--- more_headers eval
["X-Secret: right\n",
 map { "X-Secret: right\nContent-Type: $_\n" }
     '', 'text/plain', 'text/json', 'application/jsonp', 'application/xjson',
     'application/json/x', 'application/', 'application/+json', 'json',
     'application/x-www-form-urlencoded', 'application/json, text/plain',
     'multipart/form-data; boundary=application/json', ' ;application/json',
     "application/json\nContent-Type: application/json"]
--- error_code eval
[(415) x 15]
--- response_body eval
[($::Type) x 15]
--- response_headers eval
[('Content-Type: application/json') x 15]



=== TEST 16: Content-Type with parameters, with +json, in any case
--- request eval
[::post((::payload()) x @::Json)]
--- more_headers eval
[map { "X-Secret: right\nContent-Type: $_\n" } @::Json]
--- error_code eval
[(200) x @::Json]
--- response_body eval
[map { "POST /hook/data_updated $_\n" . ::payload() } @::Json]



=== TEST 17: a Content-Encoding other than identity: 415
--- request eval
[::post((::payload()) x 8)]
--- more_headers eval
[map { $::Headers . $_ }
     'Content-Encoding: gzip', 'Content-Encoding: br',
     'Content-Encoding: identity, gzip', 'Content-Encoding: identityx',
     "Content-Encoding: identity\nContent-Encoding: gzip",
     'Content-Encoding: identity', 'Content-Encoding: IDENTITY',
     'Content-Encoding:']
--- error_code eval
[(415) x 5, (200) x 3]
--- response_body eval
[($::Encoding) x 5, ::echo((::payload()) x 3)]



=== TEST 18: no body and one of no bytes: empty_body
--- more_headers eval
[$::Headers, $::Headers . "Content-Length: 0\n",
 $::Headers . 'Transfer-Encoding: chunked']
--- request eval
[::post('', '', "0\r\n\r\n")]
--- error_code eval
[(400) x 3]
--- response_body eval
[($::Empty) x 3]
--- response_headers eval
[('Content-Type: application/json') x 3]



=== TEST 19: blanks only: the text ends too early, at the body's length
--- request eval
[::post(' ', " \t\r\n ")]
--- more_headers eval
[::exactly(' ', " \t\r\n ")]
--- error_code eval
[400, 400]
--- response_body eval
[::invalid_json(1), ::invalid_json(5)]



=== TEST 20: truncated, in names, values and between them: the offset is the body's length
--- request eval
[::post(map { substr ::payload(), 0, $_ } @::Cuts)]
--- error_code eval
[(400) x @::Cuts]
--- response_body eval
[map { ::invalid_json($_) } @::Cuts]



=== TEST 21: the published sample of account_deleted, with its trailing comma
--- request eval
["POST /hook/account_deleted\n$::Sample"]
--- error_code: 400
--- response_body eval
[::invalid_json(length($::Sample) - 1)]



=== TEST 22: invalid JSON: the offset is that of the first byte that can't be there
--- request eval
[::post(map { $_->[0] } @::Bad)]
--- more_headers eval
[::exactly(map { $_->[0] } @::Bad)]
--- error_code eval
[(400) x @::Bad]
--- response_body eval
[map { ::invalid_json($_->[1]) } @::Bad]



=== TEST 23: a JSON text that is no object
--- request eval
[::post('[]', '[' . ::payload() . ']', '"slug"', '12', '-0.5e3',
            'true', 'null')]
--- error_code eval
[(400) x 7]
--- response_body eval
[($::Object) x 7]



=== TEST 24: each member missing
--- request eval
[::post(map { ::payload($_ => undef) } qw(slug user_id key dataset_id)),
 (map { "POST /hook/$_\n" . ::payload(dataset_id => undef, key => undef) }
      qw(data_available account_deleted))]
--- error_code eval
[(400) x 6]
--- response_body eval
[map { ::missing($_) }
     qw(slug user_id key dataset_id key key)]



=== TEST 25: several members missing: the first is told
--- request eval
[::post('{}', ::payload(user_id => undef, dataset_id => undef),
            ::payload(key => undef, dataset_id => undef))]
--- error_code eval
[(400) x 3]
--- response_body eval
[map { ::missing($_) }
     qw(slug user_id key)]



=== TEST 26: each member null, a number, true, empty, a list, an object
--- request eval
[::post(map { my $field = $_;
              map { ::payload($field => $_) }
                      'null', '7', 'true', '""', '["x"]', '{"slug":"acme"}' }
            qw(slug user_id key dataset_id))]
--- error_code eval
[(400) x 24]
--- response_body eval
[map { ::invalid($_) }
     map { ($_) x 6 } qw(slug user_id key dataset_id)]



=== TEST 27: what is no UUID
--- request eval
[::post(map { ::payload(user_id => qq("$_")) } @::NoUuids)]
--- error_code eval
[(400) x @::NoUuids]
--- response_body eval
[map { ::invalid('user_id') }
     @::NoUuids]



=== TEST 28: a UUID in any case and of any version
--- request eval
[::post(map { ::payload(user_id => qq("$_"), key => qq("$_")) } @::Uuids)]
--- error_code eval
[(200) x @::Uuids]
--- response_body eval
[::echo(map { ::payload(user_id => qq("$_"), key => qq("$_")) }
                @::Uuids)]



=== TEST 29: slugs of 1 and of 50 characters, of all that is allowed
--- request eval
[::post(map { ::payload(slug => qq("$_")) } @::Slugs)]
--- more_headers
X-Secret: any
Content-Type: application/json
--- error_code eval
[(200) x @::Slugs]
--- response_body eval
[::echo(map { ::payload(slug => qq("$_")) } @::Slugs)]



=== TEST 30: slugs of 51 characters, with a blank, a line end, beyond ASCII
--- request eval
[::post(map { ::payload(slug => qq("$_")) } @::NoSlugs)]
--- more_headers
X-Secret: any
Content-Type: application/json
--- error_code eval
[(400) x @::NoSlugs]
--- response_body eval
[map { ::invalid('slug') }
     @::NoSlugs]



=== TEST 31: a dataset_id may be any text but none
--- request eval
[::post(map { ::payload(dataset_id => $_) } @::Sets)]
--- error_code eval
[(200) x @::Sets]
--- response_body eval
[::echo(map { ::payload(dataset_id => $_) } @::Sets)]



=== TEST 32: a member twice: refused, also with the same value or no value
--- request eval
[::post(map { my $member = $_; map { ::payload() =~ s/\}$/,$_}/r }
                qq("$member":"acme"), qq("$member":null), qq("$member":{}) }
            qw(slug user_id key dataset_id))]
--- error_code eval
[(400) x 12]
--- response_body eval
[map { ::twice($_) }
     map { ($_) x 3 } qw(slug user_id key dataset_id)]



=== TEST 33: a member's name may be written with escapes, and is the same then
--- request eval
[::post(::payload() =~ s/"slug"/"\\u0073\\u006C\\u0075g"/r,
            ::payload() =~ s/\}$/,"\\u0073lug":"acme"}/r,
            ::payload() =~ s/"slug"/"\\u0053lug"/r,
            ::payload() =~ s/"slug"/"slug\\u0000"/r)]
--- error_code eval
[200, 400, 400, 400]
--- response_body eval
[::echo(::payload() =~ s/"slug"/"\\u0073\\u006C\\u0075g"/r),
 ::twice('slug'),
 (::missing('slug')) x 2]



=== TEST 34: other members pass, twice as well, and those of the same name deeper in
--- request eval
[::post(@::Others)]
--- error_code eval
[(200) x 8]
--- response_body eval
[::echo(@::Others)]



=== TEST 35: data_available does not need a dataset_id, and does not look at one
--- request eval
["POST /hook/data_available\n" . ::payload(dataset_id => 'null'),
 "POST /hook/account_deleted\n"
 . ::payload(dataset_id => '7') =~ s/\}$/,"dataset_id":8}/r]
--- error_code eval
[200, 200]
--- response_body eval
["POST /hook/data_available application/json\n"
 . ::payload(dataset_id => 'null'),
 "POST /hook/account_deleted application/json\n"
 . ::payload(dataset_id => '7') =~ s/\}$/,"dataset_id":8}/r]



=== TEST 36: nesting of 512 passes, the 513th bracket is an error
--- request eval
[::post(@::Deep)]
--- error_code eval
[200, 200, 400, 400, 400]
--- response_body eval
my $start = length(::payload()) + 4;
[::echo(@::Deep[0, 1]), ::invalid_json($start + 511),
 ::invalid_json($start + 5 * 511), ::invalid_json($start + 511)]



=== TEST 37: of several things that are wrong, the first in the order is told
--- request eval
my $body = ::payload();
["GET /hook/unknown",                             # path, method, secret
 "POST /hook/unknown\n$body",                     # path, secret
 "GET /hook/data_updated",                        # method, secret
 "POST /hook/data_updated\n{",                    # secret, types, body
 "POST /hook/data_updated\n{",                    # type, encoding, body
 "POST /hook/data_updated\n{",                    # encoding, body
 "POST /hook/data_updated\n{"]                    # body
--- more_headers eval
my $bad = "Content-Type: text/plain\nContent-Encoding: gzip";
["X-Secret: wrong\n$bad", "X-Secret: wrong\n$bad", "X-Secret: wrong\n$bad",
 "X-Secret: wrong\n$bad", "X-Secret: right\n$bad",
 $::Headers . 'Content-Encoding: gzip', $::Headers]
--- error_code eval
[404, 404, 405, 401, 415, 415, 400]
--- response_body eval
[$::NoEvent, $::NoEvent, $::NoMethod, $::Invalid, $::Type,
 $::Encoding, ::invalid_json(1)]



=== TEST 38: of a payload: syntax, duplicates, what is missing or invalid, the slug
--- request eval
[::post(
    ::payload(slug => '""', key => undef) =~ s/\}$/,"user_id":1}{/r,
    ::payload(slug => '""', key => undef) =~ s/\}$/,"user_id":1}/r,
    ::payload(slug => '""', user_id => 'null', dataset_id => undef),
    ::payload(slug => '"other"', user_id => 'null', key => '""'),
    ::payload(slug => '"other"', key => '""'),
    ::payload(slug => '"other"'))]
--- error_code eval
[400, 400, 400, 400, 400, 403]
--- response_body eval
my $text = ::payload(slug => '""', key => undef) =~ s/\}$/,"user_id":1}/r;
[::invalid_json(length $text),
 ::twice('user_id'),
 ::missing('dataset_id'),
 ::invalid('user_id'),
 ::invalid('key'),
 $::Plugin]



=== TEST 39: the order of the members does not matter
--- request eval
[::post(qq({"dataset_id":"d","key":"$::Key","user_id":"$::User",)
            . q("slug":"acme"}),
            qq({"dataset_id":"","key":"","user_id":"$::User","slug":""}),
            qq({"dataset_id":"","dataset_id":"","slug":"","slug":""}))]
--- error_code eval
[200, 400, 400]
--- response_body eval
[::echo(qq({"dataset_id":"d","key":"$::Key",)
            . qq("user_id":"$::User","slug":"acme"})),
 ::invalid('slug'),
 ::twice('slug')]



=== TEST 40: error_page wins over our body, and keeps the status
--- request eval
["POST /paged/unknown", "GET /paged/data_updated",
 ("POST /paged/data_updated\n{}") x 3,
 "POST /paged/data_updated\n" . ::payload(slug => '"other"'),
 "POST /paged/data_updated\n" . ::payload()]
--- more_headers eval
[$::Headers, $::Headers, 'Content-Type: application/json',
 'X-Secret: right', ($::Headers) x 3]
--- error_code eval
[404, 405, 401, 415, 400, 403, 200]
--- response_body eval
[("page\n") x 6, "POST /paged/data_updated application/json\n" . ::payload()]
--- response_headers eval
['!Allow', 'Allow: POST', 'WWW-Authenticate: X-Secret', ('!Allow') x 4]



=== TEST 41: the reason and the member are in the error log, nothing else is
--- request eval
[::post(::payload(user_id => '"secret-payload-text"'), '{"x":zq}'),
 ::post(::payload())]
--- more_headers eval
[$::Headers, $::Headers,
 "Content-Type: application/json\nX-Secret: secret-that-is-wrong"]
--- error_code eval
[400, 400, 401]
--- response_body eval
[::invalid('user_id'),
 ::invalid_json(5), $::Invalid]
--- wait: 0.01
--- no_error_log
secret-
zq
[error]
[crit]



=== TEST 42: each refusal is one line at the info level
--- request eval
[::post(::payload(user_id => '""'))]
--- error_code: 400
--- response_body eval
[::invalid('user_id')]
--- error_log eval
[qr/\[info\] .*webhook luzmo refused: invalid_field "user_id", client: /]
--- grep_error_log eval: qr/webhook luzmo refused: [^,]*/
--- grep_error_log_out eval
["webhook luzmo refused: invalid_field \"user_id\"\n",
 "webhook luzmo refused: invalid_field \"user_id\"\n"]



=== TEST 43: a charset other than UTF-8, and what is no media type: 415
--- request eval
[::post((::payload()) x @::NotJson)]
--- more_headers eval
[map { "X-Secret: right\nContent-Type: $_\n" } @::NotJson]
--- error_code eval
[(415) x @::NotJson]
--- response_body eval
[($::Type) x @::NotJson]



=== TEST 44: a name that goes on behind a NUL is another one of that name
--- request eval
[::post(map { $_ . ',' . substr ::payload(), 1 }
            '{"slug\u0000x":"other"', '{"slug\u0000":"other"',
            '{"sl\u0075g\u0000' . 'x' x 200 . '":"other"',
            '{"slug\u0000\u0000":[{}]'),
 ::post(map { substr(::payload(), 0, -1) . ",$_}" }
            '"slug\u0000x":"other"', '"key\u0000":1'),
 ::post('{"slug\u0000x":"acme"'
        . (::payload(slug => undef) =~ s/^\{/,/r)),
 ::post(map { $_ . ',' . substr ::payload(), 1 }
            '{"slugs\u0000":1', '{"x\u0000slug":1', '{"\u0000slug":1')]
--- error_code eval
[(400) x 7, (200) x 3]
--- response_body_like eval
[map { '^' . quotemeta $_ } (::twice('slug')) x 5, ::twice('key'),
 ::missing('slug'), ('POST /hook/data_updated') x 3]



=== TEST 45: a name in another case is another one of that name
--- request eval
[::post(map { $_ . ',' . substr ::payload(), 1 }
            '{"Slug":"other"', '{"SLUG":1', '{"sl\u0055g":null',
            "{\"\xc5\xbflug\":1", '{"\u017flug":1'),
 ::post(map { substr(::payload(), 0, -1) . ",$_}" }
            '"Key":1', "\"\xe2\x84\xaaey\":1", '"User_ID":"x"'),
 ::post(::payload(slug => undef) =~ s/^\{/{"Slug":"acme",/r),
 ::post(map { $_ . ',' . substr ::payload(), 1 }
            '{"Slugs":1', '{"x":{"Slug":1}', "{\"\xc5\xbe" . 'lug":1')]
--- error_code eval
[(400) x 9, (200) x 3]
--- response_body eval
[(::twice('slug')) x 5, (::twice('key')) x 2, ::twice('user_id'),
 ::missing('slug'),
 map { ::echo($_ . ',' . substr ::payload(), 1) }
     '{"Slugs":1', '{"x":{"Slug":1}', "{\"\xc5\xbe" . 'lug":1']
