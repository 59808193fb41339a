use lib 't/lib';

# After each of the many requests, the log is given three times this long.
BEGIN { $ENV{TEST_NGINX_SLEEP} ||= 0.005 }

use WebhookTest 'no_plan';

# Munity's events: what has to hold for the envelope, each event and each member,
# which is refused and in which words, and what passes.
#
# All blocks are generated: a block is a list of requests, and the number that a
# failure gives ("req 3") counts them in the order in which the block's name
# mentions them.

use strict;
use warnings;

use MunityTest;


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


# the blocks above, numbered

my $Number = 0;

$Spec =~ s/^=== /"=== TEST " . ++$Number . ': '/gme;

spec_string($Spec);

no_shuffle();
run_tests();
