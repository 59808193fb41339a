use lib 't/lib';

# After each of the many requests, the log is given three times this long.
BEGIN { $ENV{TEST_NGINX_SLEEP} ||= 0.005 }

use WebhookTest 'no_plan';

# Munity events: the envelope, the eight events and their members, what is
# refused and in which words, what reaches the application.
#
# The blocks of __DATA__ come first.  What has to hold for each event and each
# member is generated from the tables below; there, a block is a list of
# requests, and the number that a failure gives ("req 3") counts them in the
# order in which the block's name mentions them.
#
# A block without config has $Config: /hook, and /pass with unknown=pass.  The
# application behind both answers with what it got: method, media type, the
# header X-Show, and from the second line on the body.

use strict;
use warnings;

use Answers qw(echo problem);


our $HttpConfig = echo(
    text => '"$request_method $content_type $http_x_show\n$request_body"');

our $Config = <<'_EOC_';
    webhook_secret off;
    proxy_set_header X-Show $webhook_event;

    location = /hook {
        webhook munity;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location = /pass {
        webhook munity unknown=pass;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
_EOC_


add_block_preprocessor(sub {
    my $block = shift;

    my %default = (
        http_config => $HttpConfig,
        config => $Config,
        more_headers => 'Content-Type: application/json',
        defined $block->must_die ? (request => 'GET /t') : (),
    );

    for (keys %default) {
        $block->set_value($_, $default{$_}) if !defined $block->$_;
    }
});


# --- the events -----------------------------------------------------------

my @Envelope = qw(workspace_id customer_id event state payload);

my @Events = (
    webhook_test => [qw(test)],
    integration_new_data_model => [qw(id resource_id type)],
    integration_updated_data_model => [qw(id resource_id type diff data)],
    integration_deleted_data_model => [qw(id resource_id type)],
    integration_installed => [qw(id connector_type metadata state)],
    integration_import_done => [qw(id connector_type)],
    integration_cannot_refresh_oauth_token => [qw(id error)],
    integration_oauth_token_fixed => [qw(id)],
);

my %Members = @Events;
@Events = grep { !ref } @Events;

my %Type = (
    workspace_id => 'string',
    customer_id => 'string or null',
    event => 'string',
    state => 'any',
    payload => 'object',

    'payload.test' => 'boolean',
    'payload.id' => 'identifier',
    'payload.resource_id' => 'identifier',
    'payload.type' => 'nonempty',
    'payload.connector_type' => 'nonempty',
    map { ("payload.$_" => 'any') } qw(diff data metadata state error),
);

my %Value = (
    workspace_id => '"ws-1"',
    customer_id => '"cu-1"',
    state => '"st-1"',

    'payload.test' => 'true',
    'payload.id' => '"id-1"',
    'payload.resource_id' => '42',
    'payload.type' => '"invoice"',
    'payload.connector_type' => '"ledger"',
    map { ("payload.$_" => qq({"$_":[1,null]})) }
        qw(diff data metadata state error),
);

my %Wrong = (
    'string' => [qw(null 7 false ["a"] {"a":1})],
    'string or null' => [qw(7 true [null] {})],
    'object' => [qw(null 7 true "{}" [{"id":1}])],
    'boolean' => [qw(null 0 1 "true" "" [true] {})],
    'identifier' => [qw(null true 1.5 1e3 "" [1] {"id":1})],
    'nonempty' => [qw(null false 7 "" ["a"] {})],
    'any' => [],
);

my %Right = (
    'any' => [qw(null false 0 "" [] {})],
);

my %Must = (
    'string' => 'must be a string',
    'string or null' => 'must be a string',
    'object' => 'must be an object',
    'boolean' => 'must be true or false',
    'identifier' => 'must be a non-empty string or an integer',
    'nonempty' => 'must be a non-empty string',
);


# An event as JSON.  %set has values for members by their path (undef: the
# member is left out), and:
#
#     twice => path         a member that comes once more, at the end
#     more, payload_more    members to add, as text
#     reverse => 1          payload before event, and all else turned around

sub text {
    my ($event, %set) = @_;

    my $object = sub {
        my ($prefix, $names, $more, %value) = @_;

        my @members = map { qq("$_":) . $value{"$prefix$_"} }
                      grep { defined $value{"$prefix$_"} }
                      @$names,
                      grep { "$prefix$_" eq ($set{twice} // '') } @$names;

        push @members, $more if defined $more;
        @members = reverse @members if $set{reverse};

        return '{' . join(',', @members) . '}';
    };

    my %value = (%Value, event => qq("$event"), %set);

    $value{payload} = $object->('payload.', $Members{$event} // [],
                                $set{payload_more}, %value)
        if !exists $set{payload};

    return $object->('', \@Envelope, $set{more}, %value);
}


# --- what is to be answered -----------------------------------------------

sub about {
    my ($field, $reason, $detail) = @_;

    return problem(400, "$field $detail", $reason, field => $field);
}


sub missing { about(shift, 'missing_field', 'is required') }
sub twice   { about(shift, 'duplicate_field', 'is there more than once') }
sub invalid { about($_[0], 'invalid_field', $Must{$Type{$_[0]}}) }
sub unknown { about('event', 'unknown_event', 'names no known event') }

sub syntax { problem('invalid_json', offset => shift) }

sub no_object {
    return problem(400, 'the body must be a JSON object', 'invalid_field');
}

# the application's answer; $show is the event
sub passed {
    my ($show, $body, $type) = @_;

    return 'POST ' . ($type // 'application/json') . " $show\n$body";
}


# --- requests and blocks --------------------------------------------------

sub post {
    my ($body, $uri) = @_;

    return 'POST ' . ($uri // '/hook') . "\n$body";
}


# 64 KB of members that no shape names, although they look like it deeper down

sub padding {
    my $text = join ',', map {
        sprintf '"pad-%04d":{"event":%d,"payload":{"id":null,"payload":[]},'
                . '"filler":"%s"}', $_, $_, 'x' x 64
    } 0 .. 540;

    die if length $text < 65536;

    return $text;
}


our (@Blocks, $Spec);

# Adds a block: a name and a list of requests, each a body and what has to be
# answered.  Other than at /hook: [body, answer, uri].

sub add {
    my ($name, @requests) = @_;

    my (%block, $text);

    for (@requests) {
        my ($body, $answer, $uri) = @$_;

        my $refused = $answer =~ /^\{"type":"about:blank",.*"status":(\d+),/;

        push @{ $block{request} }, post($body, $uri);
        push @{ $block{error_code} }, $refused ? $1 : 200;
        push @{ $block{response_body} }, $answer;
        push @{ $block{response_headers} }, 'Content-Type: '
            . ($refused ? 'application/problem+json' : 'text/plain');
    }

    push @Blocks, \%block;

    $Spec .= "=== $name\n" . join '', map {
        "--- $_ eval: \$::Blocks[$#Blocks]{$_}\n"
    } sort keys %block;
}


# --- every event ----------------------------------------------------------

add('each of the eight events, payload after and before event', map {
        my $event = $_;

        map { [ $_, passed($event, $_) ] }
            text($event), text($event, reverse => 1);
    } @Events);


# --- every event, every member of its payload -----------------------------

for my $event (@Events) {
    for my $name (@{ $Members{$event} }) {

        my $member = "payload.$name";
        my $type = $Type{$member};
        my @requests;

        for my $reverse (0, 1) {

            my $with = sub { text($event, @_, reverse => $reverse) };

            push @requests,
                [ $with->($member => undef), missing($member) ],
                [ $with->(twice => $member), twice($member) ];

            for (@{ $Wrong{$type} }) {
                push @requests, [ $with->($member => $_), invalid($member) ];
            }

            for (@{ $Right{$type} // [] }) {
                my $text = $with->($member => $_);
                push @requests, [ $text, passed($event, $text) ];
            }
        }

        my $values = join ' ', @{ $Wrong{$type} }, @{ $Right{$type} // [] };

        add("$event: $member missing, twice, $values;"
            . ' then with payload before event', @requests);
    }
}


# --- every event, every member of the envelope ----------------------------

for my $i (0 .. $#Events) {

    my $event = $Events[$i];

    for my $reverse ($i == 0 ? (0, 1) : $i % 2) {
        my @requests;

        for my $member (@Envelope) {

            my $with = sub { text($event, @_, reverse => $reverse) };

            push @requests,
                [ $with->($member => undef), missing($member) ],
                [ $with->(twice => $member), twice($member) ];

            for (@{ $Wrong{$Type{$member}} }) {
                push @requests, [ $with->($member => $_), invalid($member) ];
            }
        }

        add("$event: members of the envelope missing, twice, of a wrong type,"
            . ($reverse ? ' payload before event' : ' payload after event'),
            @requests);
    }
}


# --- nulls and other values that are allowed ------------------------------

add('customer_id null, empty', map {
        my $text = text('webhook_test', customer_id => $_);
        [ $text, passed('webhook_test', $text) ]
    } 'null', '""');


add('workspace_id empty', map {
        my $text = text('webhook_test', workspace_id => $_);
        [ $text, passed('webhook_test', $text) ]
    } '""');


add('state null, false, 0, empty string, array, object', map {
        my $text = text('webhook_test', state => $_);
        [ $text, passed('webhook_test', $text) ]
    } qw(null false 0 "" [] {"state":null}));


add('test false', map {
        [ $_, passed('webhook_test', $_) ]
    } text('webhook_test', 'payload.test' => 'false'));


my $Digits = '123456789012345678901234567890';

my @Identifiers = (qw(0 -0 -7 42 9223372036854775808), $Digits, "-$Digits",
                   '"0"', '" "', '"\u0000"', '"\ud800"', "\"\xc3\xa4\"",
                   '"' . 'i' x 9000 . '"');

add('identifiers: integers of any size, strings of any kind', map {
        [ $_, passed('integration_new_data_model', $_) ]
    } (map { text('integration_new_data_model', 'payload.id' => $_) }
           @Identifiers),
      (map { text('integration_new_data_model', 'payload.resource_id' => $_) }
           @Identifiers));


add('identifiers: no fraction, no exponent, although the number is whole',
    map {
        [ text('integration_oauth_token_fixed', 'payload.id' => $_),
          invalid('payload.id') ]
    } qw(1.0 1.5 1e3 1E+3 10e-1 -1.5 0.0 0e0));


add('types of one space and of 9000 bytes', map {
        my $text = text('integration_import_done',
                        'payload.connector_type' => $_);
        [ $text, passed('integration_import_done', $text) ]
    } '" "', '"' . 't' x 9000 . '"');


# --- members of other events, other members -------------------------------

for my $event (@Events) {

    my %named = map { $_ => 1 } @{ $Members{$event} };
    my %other = map { $_ => 1 } map { @$_ } values %Members;
    my @other = grep { !$named{$_} } sort keys %other;

    add("$event: members of other events are null, of a wrong type, there"
        . ' twice', map {
            my $value = $_;
            my $more = join ',', map { qq("$_":$value) } @other, @other;

            map { [ $_, passed($event, $_) ] }
                text($event, payload_more => $more),
                text($event, payload_more => $more, reverse => 1);
        } 'null', '[{"id":{}}]');
}


add('names of the envelope in the payload, of the payload in the envelope',
    map {
        [ $_, passed('integration_oauth_token_fixed', $_) ]
    } text('integration_oauth_token_fixed',
           payload_more => '"workspace_id":7,"customer_id":7,"event":7,'
                           . '"state":7,"payload":7,"event":8',
           more => '"id":null,"id":null,"type":7,"test":7'));


add('the same names deeper down, before and after the real ones', map {
        [ $_, passed('integration_oauth_token_fixed', $_) ]
    } (map {
           text('integration_oauth_token_fixed', payload => $_)
       } '{"payload":{"id":null,"id":1.5},"id":"a"}',
         '{"id":"a","payload":{"id":null,"id":1.5}}',
         '{"x":[{"id":null}],"id":"a","y":[[{"id":null}]]}',
         '{"payload":{"payload":{"payload":{"payload":{"id":null}}}},"id":1}'),
      (map {
           text('integration_oauth_token_fixed', more => $_),
           text('integration_oauth_token_fixed', more => $_, reverse => 1)
       } '"x":{"event":7,"payload":[],"workspace_id":null}',
         '"x":[{"event":7,"payload":[]},{"event":8}]'));


add('the same names deeper down do not stand in for missing ones',
    [ text('integration_oauth_token_fixed',
           payload => '{"payload":{"id":"a"}}'), missing('payload.id') ],
    [ text('integration_oauth_token_fixed', payload => '{"x":[{"id":"a"}]}'),
      missing('payload.id') ],
    [ text('integration_oauth_token_fixed', payload => '{}',
           more => '"id":"a"'), missing('payload.id') ],
    [ text('webhook_test', event => undef,
           payload_more => '"event":"webhook_test"'), missing('event') ],
    [ text('webhook_test', event => undef,
           more => '"x":{"event":"webhook_test"}'), missing('event') ],
    [ text('webhook_test', payload => undef,
           more => '"x":{"payload":{"test":true}}'), missing('payload') ]);


add('names alike: prefixes, other case, a dot, with a null', map {
        [ text('integration_oauth_token_fixed', payload => qq({"$_":"a"})),
          missing('payload.id') ]
    } 'i', 'ids', 'ID', 'id ', 'payload.id', 'id\u0000', '',
      'i' x 64, 'i' x 65, 'id' . '\u0020' x 100);


# --- event ----------------------------------------------------------------

add('event unknown: empty, cut off, longer, in other case, with a null', map {
        [ text('webhook_test', event => qq("$_")), unknown() ],
        [ text('webhook_test', event => qq("$_"), reverse => 1), unknown() ]
    } '', 'webhook_tes', 'webhook_test_', 'Webhook_test', ' webhook_test',
      'webhook_test ', 'webhook_test\u0000', '\u0000', 'w' x 9000,
      'integration_', 'luzmo');


add('event unknown: what the payload holds is not judged', map {
        [ text('webhook_test', event => '"other"', payload => $_), unknown() ]
    } '{}', '{"id":null}', '{"id":1,"id":2}', '{"test":7}');


add('event in escapes: its name, its value, both', map {
        [ $_, passed('webhook_test', $_) ]
    } map {
        my ($name, $value) = @$_;
        my $more = qq("$name":"$value");
        text('webhook_test', event => undef, more => $more),
        text('webhook_test', event => undef, more => $more, reverse => 1)
    } ['\u0065vent', 'webhook_test'],
      ['event', 'webhook\u005Ftest'],
      ['\u0065\u0076\u0065\u006e\u0074',
       join '', map { sprintf '\u%04x', ord } split //, 'webhook_test']);


add('event twice: the same, another, one of them in escapes, one a number',
    map {
        [ text('webhook_test', more => $_), twice('event') ],
        [ text('webhook_test', more => $_, reverse => 1), twice('event') ]
    } '"event":"webhook_test"', '"event":"integration_installed"',
      '"\u0065vent":"webhook_test"', '"event":7',
      '"event":"webhook_test","event":"webhook_test"');


# --- payload --------------------------------------------------------------

add('payload twice: the same, empty, an array, in escapes', map {
        [ text('integration_oauth_token_fixed', more => $_),
          twice('payload') ],
        [ text('integration_oauth_token_fixed', more => $_, reverse => 1),
          twice('payload') ]
    } '"payload":{"id":"id-1"}', '"payload":{}', '"payload":[]',
      '"p\u0061yload":{"id":"id-1"}');


add('payload an array, a string, null: its members are not missed', map {
        my $event = $_;
        map { [ text($event, payload => $_), invalid('payload') ] }
            '[]', '[{"test":true,"id":"a"}]', '"{\"id\":1}"', 'null';
    } @Events);


add('payload empty: the first member is the one that is missing', map {
        [ text($_, payload => '{}'), missing("payload.$Members{$_}[0]") ],
        [ text($_, payload => "{ \n}", reverse => 1),
          missing("payload.$Members{$_}[0]") ]
    } @Events);


add('members of payload twice, one of them in escapes',
    [ text('integration_oauth_token_fixed', payload_more => '"\u0069d":1'),
      twice('payload.id') ],
    [ text('integration_oauth_token_fixed', payload_more => '"i\u0064":1',
           reverse => 1), twice('payload.id') ],
    [ text('integration_installed', payload_more => '"stat\u0065":null'),
      twice('payload.state') ],
    [ text('webhook_test', payload_more => '"test":true'),
      twice('payload.test') ]);


# --- the order of verdicts ------------------------------------------------

add('invalid_json comes before all else',
    [ '{"event":1,"event":2', syntax(20) ],
    [ '{"workspace_id":7,}', syntax(18) ],
    [ text('webhook_test', event => '"other"') . ',',
      syntax(length text('webhook_test', event => '"other"')) ]);


add('duplicate_field, of the payload too, comes before missing_field',
    [ text('webhook_test', workspace_id => undef, twice => 'state'),
      twice('state') ],
    [ text('webhook_test', workspace_id => undef, twice => 'payload.test'),
      twice('payload.test') ],
    [ '{"event":1,"event":2}', twice('event') ]);


add('duplicate_field comes before invalid_field and unknown_event',
    [ text('webhook_test', workspace_id => 7, twice => 'payload.test'),
      twice('payload.test') ],
    [ text('webhook_test', workspace_id => 7, twice => 'workspace_id'),
      twice('workspace_id') ],
    [ text('webhook_test', event => '"other"', twice => 'event'),
      twice('event') ],
    [ text('webhook_test', event => '"other"', twice => 'state'),
      twice('state') ],
    [ text('webhook_test', payload => '[]', twice => 'payload'),
      twice('payload') ]);


add('missing_field, of the payload too, comes before invalid_field',
    [ text('webhook_test', workspace_id => 7, state => undef),
      missing('state') ],
    [ text('webhook_test', workspace_id => 7, 'payload.test' => undef),
      missing('payload.test') ],
    [ text('integration_installed', 'payload.id' => 'null',
           'payload.state' => undef), missing('payload.state') ],
    [ text('webhook_test', payload => '[]', state => undef),
      missing('state') ]);


add('missing_field and invalid_field come before unknown_event',
    [ text('webhook_test', event => '"other"', state => undef),
      missing('state') ],
    [ text('webhook_test', event => '"other"', payload => undef),
      missing('payload') ],
    [ text('webhook_test', event => '"other"', customer_id => 7),
      invalid('customer_id') ],
    [ text('webhook_test', event => '"other"', payload => '[]'),
      invalid('payload') ]);


add('of several faults of a kind, the first in the order of the envelope',
    [ '{}', missing('workspace_id') ],
    [ '{"event":"integration_installed"}', missing('workspace_id') ],
    [ '{"payload":[],"state":1,"event":2,"customer_id":3,"workspace_id":4}',
      invalid('workspace_id') ],
    [ text('integration_installed', payload => '{"state":1,"metadata":2}'),
      missing('payload.id') ],
    [ text('integration_installed', 'payload.id' => 'null',
           'payload.connector_type' => 'null', reverse => 1),
      invalid('payload.id') ],
    [ text('webhook_test', more => '"payload":0,"state":0,"customer_id":0'),
      twice('customer_id') ]);


# --- unknown=pass ---------------------------------------------------------

add('unknown=pass: an unknown event passes, whatever its payload holds', map {
        [ $_, passed('other', $_), '/pass' ]
    } map {
        text('webhook_test', event => '"other"', payload => $_),
        text('webhook_test', event => '"other"', payload => $_, reverse => 1)
    } '{}', '{"id":null,"resource_id":[]}', '{"id":1,"id":2}', '{"test":7}');


add('unknown=pass: $webhook_event of an unknown event', map {
        my ($value, $event) = @$_;
        my $text = text('webhook_test', event => qq("$value"));
        [ $text, passed($event, $text), '/pass' ]
    } ['', ''],
      ['webhook_test2', 'webhook_test2'],
      ['a\"b\\\\\u0063\/', 'a"b\\c/'],
      ['a\r\nX-Show: b', 'a%0D%0AX-Show: b'],
      ['a\u0000\t\u007fb', 'a%00%09%7Fb'],
      ['\u00e4\ud83d\ude00\ud800', "\xc3\xa4\xf0\x9f\x98\x80\xef\xbf\xbd"]);


add('unknown=pass: the envelope is judged as ever', map {
        my $reverse = $_;

        my @requests = map {
            my $member = $_;
            my @with = (event => '"other"', reverse => $reverse);

            [ text('webhook_test', @with, $member => undef),
              missing($member), '/pass' ],
            [ text('webhook_test', @with, twice => $member),
              twice($member), '/pass' ],
            map { [ text('webhook_test', @with, $member => $_),
                    invalid($member), '/pass' ] } @{ $Wrong{$Type{$member}} };
        } @Envelope;

        @requests
    } 0, 1);


add('unknown=pass: a known event is judged as ever', map {
        my $event = $_;
        my $member = "payload.$Members{$event}[0]";

        map { [ @$_, '/pass' ] }
            [ text($event), passed($event, text($event)) ],
            [ text($event, $member => undef), missing($member) ],
            [ text($event, twice => $member), twice($member) ],
            [ text($event, $member => '[]', reverse => 1), invalid($member) ];
    } @Events);


# --- texts that are no events ---------------------------------------------

add('other JSON than an object', map { [ $_, no_object() ] }
    '[]', 'null', 'true', '7', '"webhook_test"',
    '[' . text('webhook_test') . ']');


add('what is not JSON, and where',
    [ '{', syntax(1) ],
    [ '}', syntax(0) ],
    [ 'event=webhook_test', syntax(0) ],
    [ "\xef\xbb\xbf" . text('webhook_test'), syntax(0) ],
    [ text('webhook_test') . '{}', syntax(length text('webhook_test')) ],
    [ text('webhook_test', 'payload.test' => 'True'),
      syntax(index text('webhook_test', 'payload.test' => 'True'), 'True') ],
    [ text('webhook_test', state => '01'),
      syntax(1 + index text('webhook_test', state => '01'), '01') ],
    [ text('webhook_test', more => '"x":"' . "\xc0\x80" . '"'),
      syntax(index text('webhook_test', more => '"x":"' . "\xc0"), "\xc0") ],
    (map { [ substr(text('webhook_test'), 0, $_), syntax($_) ] }
         1, 20, 64, -1 + length text('webhook_test')));


add('nesting: 512 deep passes, 513 does not',
    (map { [ $_, passed('webhook_test', $_) ] }
        text('webhook_test', state => '[' x 511 . ']' x 511),
        text('webhook_test', payload_more => '"x":' . '[' x 510 . ']' x 510)),
    (map { [ $_, syntax(511 + index $_, '[' x 512) ] }
        text('webhook_test', state => '[' x 512 . ']' x 512)),
    (map { [ $_, syntax(510 + index $_, '[' x 511) ] }
        text('webhook_test', payload_more => '"x":' . '[' x 511 . ']' x 511)));


# --- to the byte ----------------------------------------------------------

my $Spaced = qq({\r\n\t"workspace_id" : "\xc3\xa4\\u00e4\\/" ,\r\n)
             . qq(\t"customer_id" :null,\n\n"event"\t:\t"webhook_test",)
             . qq("state": [ 1.50, -0, 1E+400, "\\ud800" ],)
             . qq("payload" :{ "test" :\ttrue , "more" : "\\u0000\\"" } \n});

add('spaces, escapes, numbers and order of the text are the sender\'s',
    [ $Spaced, passed('webhook_test', $Spaced) ]);


# the blocks above, numbered after those of __DATA__

my $Data = do { local $/; <DATA> };
my $Number = () = $Data =~ /^=== /mg;

$Spec =~ s/^=== /"=== TEST " . ++$Number . ': '/gme;

spec_string("$Data\n\n$Spec");

no_shuffle();
run_tests();

__DATA__

=== TEST 1: neither a secret nor "webhook_secret off"
--- config
    location = /t {
        webhook munity;
    }
--- must_die
--- error_log eval
qr/\[emerg\] .*"webhook munity" needs "webhook_secret" or "webhook_signature", or an explicit "webhook_secret off", in .*nginx\.conf:\d+$/



=== TEST 2: a secret for one slug
--- config
    location = /t {
        webhook munity;
        webhook_secret Mu slug=acme;
    }
--- must_die
--- error_log
"webhook_secret" with "slug=acme" can't be used with "webhook munity" in



=== TEST 3: an unknown value of the parameter
--- config
    location = /t {
        webhook munity unknown=maybe;
        webhook_secret off;
    }
--- must_die
--- error_log
invalid parameter "unknown=maybe" of "webhook munity" in



=== TEST 4: the parameter without a value
--- config
    location = /t {
        webhook munity unknown=;
        webhook_secret off;
    }
--- must_die
--- error_log
invalid parameter "unknown=" of "webhook munity" in



=== TEST 5: an unknown parameter
--- config
    location = /t {
        webhook munity unknown=pass pass;
        webhook_secret off;
    }
--- must_die
--- error_log
invalid parameter "pass" of "webhook munity" in



=== TEST 6: the parameter twice
--- config
    location = /t {
        webhook munity unknown=pass unknown=reject;
        webhook_secret off;
    }
--- must_die



=== TEST 7: the directive twice
--- config
    location = /t {
        webhook munity;
        webhook munity unknown=pass;
        webhook_secret off;
    }
--- must_die
--- error_log
"webhook" directive is duplicate in



=== TEST 8: the directive outside of a location
--- config
    webhook munity;
--- must_die
--- error_log
"webhook" directive is not allowed here in



=== TEST 9: unknown=reject is the default; a location inherits or says anew
--- config
    webhook_secret off;
    proxy_set_header X-Show $webhook_event;

    location /hook {
        webhook munity unknown=reject;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /pass {
        webhook munity unknown=pass;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;

        location /pass/inherited {
            proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
        }

        location /pass/anew {
            webhook munity;
            proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
        }

        location /pass/off {
            webhook off;
            proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
        }
    }
--- request eval
my $other = ::text('webhook_test', event => '"other"');
[
    ::post($other, '/hook'),
    ::post($other, '/pass'),
    ::post($other, '/pass/inherited'),
    ::post($other, '/pass/anew'),
    ::post('}', '/pass/inherited'),
    ::post('}', '/pass/off'),
]
--- error_code eval: [400, 200, 200, 400, 400, 200]
--- response_body eval
my $other = ::text('webhook_test', event => '"other"');
[
    ::unknown(),
    ::passed('other', $other),
    ::passed('other', $other),
    ::unknown(),
    ::syntax(0),
    ::passed('', '}'),
]



=== TEST 10: the secret: none, wrong, too long, too short, empty, twice
--- config
    webhook_secret Mu-1;
    webhook_secret Mu-2;
    proxy_set_header X-Show $webhook_event;

    location = /hook {
        webhook munity;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[ (::post(::text('webhook_test'))) x 8 ]
--- more_headers eval
[ map { "Content-Type: application/json\n$_" }
    '', 'X-Secret: mu-1', 'X-Secret: Mu-11', 'X-Secret: Mu-', 'X-Secret:',
    "X-Secret: Mu-1\nX-Secret: Mu-1", 'X-Secret: Mu-1', 'x-secret: Mu-2' ]
--- error_code eval: [(401) x 6, 200, 200]
--- response_headers eval
[ ("Content-Type: application/problem+json\nWWW-Authenticate: X-Secret") x 6,
  ("Content-Type: text/plain\n!WWW-Authenticate") x 2 ]
--- response_body eval
[
    ::problem('missing_secret'),
    (::problem('invalid_secret')) x 5,
    (::passed('webhook_test', ::text('webhook_test'))) x 2,
]



=== TEST 11: the secret in another header, whose name is the scheme
--- config
    webhook_secret Mu-1;
    webhook_secret_header X-Munity-Token;
    proxy_set_header X-Show $webhook_event;

    location = /hook {
        webhook munity;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[ (::post(::text('webhook_test'))) x 3 ]
--- more_headers eval
[ map { "Content-Type: application/json\n$_: Mu-1" }
    'X-Secret', 'X-Munity-Toke', 'X-Munity-Token' ]
--- error_code eval: [401, 401, 200]
--- response_headers eval
[
    ("Content-Type: application/problem+json\n"
     . 'WWW-Authenticate: X-Munity-Token') x 2,
    'Content-Type: text/plain'
]
--- response_body eval
[
    (::problem('missing_secret')) x 2,
    ::passed('webhook_test', ::text('webhook_test')),
]



=== TEST 12: other methods than POST; what comes first: method, secret, type, JSON
--- config
    webhook_secret Mu-1;

    location = /hook {
        webhook munity;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[ (map { "$_ /hook\n}" } qw(PUT DELETE PATCH OPTIONS)),
  'GET /hook', 'HEAD /hook', (::post('}')) x 3 ]
--- more_headers eval
[
    ('Content-Type: application/json') x 4,
    ('Content-Type: text/plain') x 3,
    "Content-Type: text/plain\nX-Secret: Mu-1",
    "Content-Type: application/json\nX-Secret: Mu-1",
]
--- error_code eval: [(405) x 6, 401, 415, 400]
--- response_headers eval
[
    ("Content-Type: application/problem+json\nAllow: POST") x 6,
    ("Content-Type: application/problem+json\n!Allow") x 3,
]
--- response_body eval
[
    (::problem('method_not_allowed')) x 5,
    '',
    ::problem('missing_secret'),
    ::problem('unsupported_media_type'),
    ::syntax(0),
]



=== TEST 13: media types and encodings
--- request eval
[ (::post(::text('webhook_test'))) x 13 ]
--- more_headers eval
[
    'X-No-Type: here',
    'Content-Type: text/plain',
    'Content-Type: text/json',
    'Content-Type: application/jsonp',
    'Content-Type: application/problem-json',
    'Content-Type: application/x-www-form-urlencoded; charset=application/json',
    "Content-Type: application/json\nContent-Encoding: gzip",
    "Content-Type: application/json\nContent-Encoding: identity, br",
    "Content-Type: application/json\nContent-Encoding: identity",
    'Content-Type: application/json',
    'Content-Type: application/json; charset=utf-8',
    'Content-Type: Application/JSON',
    'Content-Type: application/cloudevents+json',
]
--- error_code eval: [(415) x 8, (200) x 5]
--- response_headers eval
[
    ('Content-Type: application/problem+json') x 8,
    ('Content-Type: text/plain') x 5,
]
--- response_body eval
[
    (::problem('unsupported_media_type')) x 6,
    (::problem('unsupported_encoding')) x 2,
    map { ::passed('webhook_test', ::text('webhook_test'), $_) }
        'application/json', 'application/json',
        'application/json; charset=utf-8', 'Application/JSON',
        'application/cloudevents+json'
]



=== TEST 14: no body, an empty one, an empty one in chunks, spaces only
--- request eval
[ 'POST /hook', 'POST /hook', "POST /hook\n0\r\n\r\n",
  "POST /hook\n3\r\n \r\n\r\n0\r\n\r\n" ]
--- more_headers eval
[ map { "Content-Type: application/json\n$_" }
    '', 'Content-Length: 0', ('Transfer-Encoding: chunked') x 2 ]
--- error_code eval: [(400) x 4]
--- response_headers eval
[ ('Content-Type: application/problem+json') x 4 ]
--- response_body eval
[
    (::problem('empty_body')) x 3,
    ::syntax(3),
]



=== TEST 15: nginx's own limit of the body's size
--- config
    webhook_secret off;
    server_tokens off;

    location = /hook {
        webhook munity;
        client_max_body_size 200;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
my $text = ::text('webhook_test', more => '"x":"' . 'x' x 200 . '"');
[
    ::post($text),
    ::post(sprintf "%x\r\n%s\r\n0\r\n\r\n", length $text, $text),
]
--- more_headers eval
[ map { "Content-Type: application/json\n$_" }
    '', 'Transfer-Encoding: chunked' ]
--- error_code eval: [413, 413]
--- response_headers eval
[ ('Content-Type: text/html') x 2 ]
--- response_body eval
[ (CORE::join "\r\n", '<html>',
   '<head><title>413 Request Entity Too Large</title></head>', '<body>',
   '<center><h1>413 Request Entity Too Large</h1></center>',
   '<hr><center>nginx</center>', '</body>', '</html>', '') x 2 ]
--- error_log
client intended to send too large



=== TEST 16: error_page wins over the problem
--- config
    webhook_secret off;

    location = /hook {
        webhook munity;
        error_page 400 = /sorry;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location = /sorry {
        return 422 "$webhook_provider $webhook_event $webhook_reason";
    }
--- request eval
[ ::post(::text('webhook_test', state => undef)), 'GET /hook' ]
--- error_code eval: [422, 405]
--- response_headers eval
[ 'Content-Type: text/plain', 'Content-Type: application/problem+json' ]
--- response_body eval
[
    'munity webhook_test missing_field',
    ::problem('method_not_allowed')
]



=== TEST 17: the fields of an event, upstream
--- config
    webhook_secret off;

    location = /hook {
        webhook munity;
        proxy_set_header X-Show "$webhook_provider $webhook_event reason=$webhook_reason workspace_id=$webhook_field_workspace_id customer_id=$webhook_field_customer_id event=$webhook_field_event state=$webhook_field_state test=$webhook_field_payload_test id=$webhook_field_payload_id resource_id=$webhook_field_payload_resource_id type=$webhook_field_payload_type connector_type=$webhook_field_payload_connector_type payload_state=$webhook_field_payload_state error=$webhook_field_payload_error none=$webhook_field_none$webhook_field_id$webhook_field_payload_none.";
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[ map { ::post($_) } @::Texts = map {
    ::text($$_[0], @{ $$_[1] }), ::text($$_[0], @{ $$_[1] }, reverse => 1)
} (
    [ webhook_test => [] ],
    [ integration_new_data_model => ['payload.id' => '-7'] ],
    [ integration_installed => ['payload.state' => '"inner"'] ],
    [ integration_installed => [state => '{"a": [1]}',
                                'payload.state' => 'false',
                                'payload.id' => '1' x 30] ],
    [ integration_cannot_refresh_oauth_token =>
        [payload_more => '"state":"s","test":true,"type":"t"'] ],
    [ integration_oauth_token_fixed =>
        [workspace_id => '"w\u0000\n \u00e4\ud83d\ude00\u007f"',
         'payload.id' => '"a\"\\\\\/\b"', state => "[\t1,\r\n2]"] ],
) ]
--- error_code eval: [(200) x 12]
--- response_headers eval
[ ('Content-Type: text/plain') x 12 ]
--- response_body eval
my %value = (reason => '', workspace_id => 'ws-1', customer_id => 'cu-1',
             state => 'st-1', id => 'id-1', resource_id => '', type => '',
             test => '', connector_type => '', payload_state => '',
             error => '', none => '.');
my $i = 0;
[ map {
    my ($event, %set) = @$_;
    my %v = (%value, event => $event, %set);
    my $show = "munity $event " . CORE::join ' ', map { "$_=$v{$_}" }
               qw(reason workspace_id customer_id event state test id
                  resource_id type connector_type payload_state error none);
    map { ::passed($show, $::Texts[$i++]) } 1, 2
} (
    [ webhook_test => id => '', test => 'true' ],
    [ integration_new_data_model => id => '-7', resource_id => '42',
      type => 'invoice' ],
    [ integration_installed => connector_type => 'ledger',
      payload_state => 'inner' ],
    [ integration_installed => connector_type => 'ledger',
      state => '{"a": [1]}', payload_state => 'false', id => '1' x 30 ],
    [ integration_cannot_refresh_oauth_token =>
      error => '{"error":[1,null]}' ],
    [ integration_oauth_token_fixed => id => 'a"\\/%08',
      state => '[%091,%0D%0A2]',
      workspace_id => "w%00%0A \xc3\xa4\xf0\x9f\x98\x80%7F" ],
) ]



=== TEST 18: a field of more than 8192 bytes passes, but is no variable
--- config
    webhook_secret off;

    location = /hook {
        webhook munity;
        proxy_set_header X-Show "$webhook_field_state $webhook_field_payload_id";
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[ map { ::post(::text('integration_oauth_token_fixed',
                      state => '"' . 's' x $_ . '"')) } 8192, 8193, 20000 ]
--- error_code eval: [(200) x 3]
--- response_headers eval
[ ('Content-Type: text/plain') x 3 ]
--- response_body eval
[ map { ::passed(($_ == 8192 ? 's' x $_ . ' ' : '') . 'id-1',
                 ::text('integration_oauth_token_fixed',
                        state => '"' . 's' x $_ . '"')) } 8192, 8193, 20000 ]



=== TEST 19: variables of a refused event
--- config
    webhook_secret off;

    location = /hook {
        webhook munity;
        add_header X-Show "event=$webhook_event reason=$webhook_reason workspace_id=$webhook_field_workspace_id." always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[ map { ::post($_) }
    ::text('integration_installed', 'payload.connector_type' => '[]'),
    ::text('webhook_test', event => '"other"'),
    ::text('webhook_test', event => '7'),
    ::text('webhook_test', twice => 'workspace_id'),
    '[]',
    '{"workspace_id":"ws-1"' ]
--- error_code eval: [(400) x 6]
--- response_headers eval
[ map { "Content-Type: application/problem+json\nX-Show: $_." }
    'event=integration_installed reason=invalid_field workspace_id=ws-1',
    'event=other reason=unknown_event workspace_id=ws-1',
    'event= reason=invalid_field workspace_id=ws-1',
    'event=webhook_test reason=duplicate_field workspace_id=ws-1',
    'event= reason=invalid_field workspace_id=',
    'event= reason=invalid_json workspace_id=' ]
--- response_body eval
[ ::invalid('payload.connector_type'), ::unknown(), ::invalid('event'),
  ::twice('workspace_id'), ::no_object(), ::syntax(22) ]



=== TEST 20: the log names the member, but nothing of the event
--- log_level: debug
--- request eval
::post(::text('integration_installed', 'payload.id' => '["classified"]',
              state => '"classified"', customer_id => '"classified"'))
--- error_code: 400
--- response_headers
Content-Type: application/problem+json
--- response_body eval
::invalid('payload.id')
--- grep_error_log eval: qr/\[info\].*webhook \w+ refused: [^,]*|classified/
--- grep_error_log_out eval
qr/^\d*\[info\] \d+#\d+: \*\d+ webhook munity refused: invalid_field "payload\.id"\n\z/



=== TEST 21: the same, for an unknown event
--- log_level: debug
--- request eval
::post(::text('webhook_test', event => '"classified"'))
--- error_code: 400
--- response_headers
Content-Type: application/problem+json
--- response_body eval
::unknown()
--- grep_error_log eval: qr/webhook \w+ refused: [^,]*|classified/
--- grep_error_log_out
webhook munity refused: unknown_event "event"



=== TEST 22: the same, for what is not JSON and for a secret
--- config
    webhook_secret classified;

    location = /hook {
        webhook munity;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- pipelined_requests eval
[ ::post('{"classified'), ::post('{"classified') ]
--- more_headers eval
[ map { "Content-Type: application/json\nX-Secret: $_" }
    'classified', 'classified2' ]
--- error_code eval: [400, 401]
--- response_headers eval
[ ('Content-Type: application/problem+json') x 2 ]
--- response_body eval
[ ::syntax(12), ::problem('invalid_secret') ]
--- no_error_log
classified
[error]
[crit]



=== TEST 23: one connection: refused, accepted, refused, accepted
--- pipelined_requests eval
[ map { ::post($_) }
    ::text('webhook_test', state => undef), ::text('webhook_test'),
    '{"a":', ::text('integration_installed', reverse => 1) ]
--- error_code eval: [400, 200, 400, 200]
--- response_headers eval
[ map { "Content-Type: $_" }
    ('application/problem+json', 'text/plain') x 2 ]
--- response_body eval
[
    ::missing('state'), ::passed('webhook_test', ::text('webhook_test')),
    ::syntax(5), ::passed('integration_installed',
                          ::text('integration_installed', reverse => 1))
]



=== TEST 24: a body that comes in pieces, cut within names and values
--- config
    webhook_secret off;

    location = /hook {
        webhook munity;
        proxy_set_header X-Show "$webhook_field_workspace_id $webhook_field_payload_id $webhook_field_payload_metadata $webhook_event";
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
my @pieces = map {
    my ($text, @at) = @$_;
    my ($from, @piece) = (0);
    for (@at) {
        my $to = index($text, $_, $from) + 2;
        die "no $_ from $from on" if $to < 2;
        push @piece, substr $text, $from, $to - $from;
        $from = $to;
    }
    my ($first, @rest) = (@piece, substr $text, $from);
    [ ::post($first), map { { value => $_, delay_before => 0.02 } } @rest ]
} (
    [ ::text('integration_oauth_token_fixed', 'payload.id' => '-12345'),
      'workspace_id', 'ws-1', 'event', 'integration', 'state', 'payload',
      '"id', '-12345' ],
    [ ::text('integration_oauth_token_fixed', 'payload.id' => '1.5'),
      'workspace_id', 'ws-1', 'event', 'integration', 'state', 'payload',
      '"id', '1.5' ],
    [ ::text('integration_installed', 'payload.id' => undef,
             payload_more => '"\u0069d":"a"', reverse => 1),
      '\u00', '":"a"', '"meta', '{"meta', '[1,', '"connector_type', 'event',
      'integration' ],
    [ ::text('integration_installed', payload_more => '"\u0069d":"a"',
             reverse => 1),
      '\u00', 'd":"a', '"id', 'event', 'integration' ],
);
\@pieces
--- error_code eval: [200, 400, 200, 400]
--- response_headers eval
[ map { "Content-Type: $_" }
    ('text/plain', 'application/problem+json') x 2 ]
--- response_body eval
my @text = (
    ::text('integration_oauth_token_fixed', 'payload.id' => '-12345'),
    ::text('integration_installed', 'payload.id' => undef,
           payload_more => '"\u0069d":"a"', reverse => 1),
);
[
    ::passed('ws-1 -12345  integration_oauth_token_fixed', $text[0]),
    ::invalid('payload.id'),
    ::passed('ws-1 a {"metadata":[1,null]} integration_installed', $text[1]),
    ::twice('payload.id'),
]



=== TEST 25: 64 KB of unknown members, first or last, in memory
--- config
    webhook_secret off;
    client_body_buffer_size 256k;
    proxy_set_header X-Show $webhook_event;

    location = /hook {
        webhook munity;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[ map { ::post($_) } @::Texts = map {
    ::text('integration_installed', $_ => ::padding()),
    ::text('integration_installed', $_ => ::padding(), reverse => 1)
} qw(more payload_more) ]
--- error_code eval: [(200) x 4]
--- response_headers eval
[ ('Content-Type: text/plain') x 4 ]
--- response_body eval
[ map { ::passed('integration_installed', $_) } @::Texts ]
--- grep_error_log: is buffered to a temporary file
--- grep_error_log_out



=== TEST 26: the same through a temporary file
--- config
    webhook_secret off;
    client_body_buffer_size 4k;
    proxy_set_header X-Show $webhook_event;

    location = /hook {
        webhook munity;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[ map { ::post($_) } @::Texts = map {
    ::text('integration_installed', $_ => ::padding()),
    ::text('integration_installed', $_ => ::padding(), reverse => 1)
} qw(more payload_more) ]
--- error_code eval: [(200) x 4]
--- response_headers eval
[ ('Content-Type: text/plain') x 4 ]
--- response_body eval
[ map { ::passed('integration_installed', $_) } @::Texts ]
--- error_log
is buffered to a temporary file



=== TEST 27: the same in chunks of 1000 bytes
--- request eval
@::Texts = map {
    ::text('integration_installed', $_ => ::padding())
} qw(more payload_more);
[ map {
    ::post(CORE::join '', (map { sprintf "%x\r\n%s\r\n", length, $_ }
                         unpack '(a1000)*', $_), "0\r\n\r\n")
} @::Texts ]
--- more_headers
Content-Type: application/json
Transfer-Encoding: chunked
--- error_code eval: [(200) x 2]
--- response_headers eval
[ ('Content-Type: text/plain') x 2 ]
--- response_body eval
[ map { ::passed('integration_installed', $_) } @::Texts ]



=== TEST 28: after 64 KB of unknown members, a member is still judged
--- request eval
[ map { ::post($_) }
    ::text('integration_installed', payload_more => ::padding(),
           'payload.id' => 'null', reverse => 1),
    ::text('integration_installed', more => ::padding(), state => undef,
           reverse => 1),
    ::text('integration_installed', more => ::padding(),
           'payload.metadata' => undef, reverse => 1),
    ::text('integration_installed', more => ::padding(),
           twice => 'payload.state', reverse => 1),
    ::text('integration_installed', more => ::padding()) . ',' ]
--- error_code eval: [(400) x 5]
--- response_headers eval
[ ('Content-Type: application/problem+json') x 5 ]
--- response_body eval
[
    ::invalid('payload.id'), ::missing('state'), ::missing('payload.metadata'),
    ::twice('payload.state'),
    ::syntax(length ::text('integration_installed', more => ::padding()))
]



=== TEST 29: over HTTP/2
--- http2
--- request eval
[ map { ::post($_) } @::Texts = (
    ::text('webhook_test'),
    ::text('integration_installed', reverse => 1),
    ::text('integration_installed', more => ::padding(), reverse => 1),
    ::text('integration_installed', 'payload.id' => '1.5'),
    ::text('webhook_test', payload => '[]'),
    ::text('webhook_test', state => undef, reverse => 1),
    ::text('webhook_test', event => '"other"'),
    ::text('webhook_test', twice => 'event'),
    '{"a":',
    '[]',
) ]
--- error_code eval: [(200) x 3, (400) x 7]
--- response_headers eval
[
    ('Content-Type: text/plain') x 3,
    ('Content-Type: application/problem+json') x 7
]
--- response_body eval
[
    ::passed('webhook_test', $::Texts[0]),
    ::passed('integration_installed', $::Texts[1]),
    ::passed('integration_installed', $::Texts[2]),
    ::invalid('payload.id'), ::invalid('payload'), ::missing('state'),
    ::unknown(), ::twice('event'), ::syntax(5), ::no_object()
]



=== TEST 30: refusals over HTTP/2; no bodies, as curl stumbles over an early answer
--- config
    webhook_secret Mu-1;
    proxy_set_header X-Show $webhook_event;

    location = /hook {
        webhook munity;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- http2
--- request eval
[ 'POST /hook', 'POST /hook', 'GET /hook', 'POST /hook',
  ::post(::text('webhook_test')) ]
--- more_headers eval
[
    'Content-Type: application/json',
    "Content-Type: application/json\nX-Secret: Mu-2",
    'Content-Type: application/json',
    "Content-Type: text/plain\nX-Secret: Mu-1",
    "Content-Type: application/json\nX-Secret: Mu-1",
]
--- error_code eval: [401, 401, 405, 415, 200]
--- response_headers eval
[
    (map { "Content-Type: application/problem+json\n$_" }
        ('WWW-Authenticate: X-Secret') x 2, 'Allow: POST',
        '!WWW-Authenticate'),
    'Content-Type: text/plain'
]
--- response_body eval
[
    ::problem('missing_secret'),
    ::problem('invalid_secret'),
    ::problem('method_not_allowed'),
    ::problem('unsupported_media_type'),
    ::passed('webhook_test', ::text('webhook_test'))
]
