package LenraTest;

# What the blocks of Lenra's tests share: apps, a gateway, a client, and what is
# to be answered.
#
#     use WebhookTest 'no_plan';
#     use LenraTest;
#
# A UUID is known only when a webhook has been created, so that each block has
# a client of its own: a sub that is called while nginx is running, with one
# that compares.  All answers are compared as a whole, "<status> <body>".
#
# The application behind /lenra/ answers with what it got: method, media type,
# length, the header X-Show, and from the second line on the body.
#
# Sections of a block: client; apps, instead of $Apps; config and http_config,
# in addition.

use strict;
use warnings;

use Answers qw(echo refused);
use Exporter qw(import);
use HTTPClient qw($Head answer dial put);
use Test::More ();
use WebhookTest;

our @EXPORT = qw($App $Other $Nobody $V4 $Emoji $Large $Socket head request call
                 field bearer create get remove trigger made wipe
                 webhook shown syntax twice page event passed
                 $Unauthenticated $InvalidToken $Blank
                 $InvalidAction $InvalidProps $InvalidUser
                 $InvalidLimit $InvalidAfter unknown $NotFound $NoMethod
                 $Type $Encoding $Empty $Full);

our $App = '8c8e1f0a-5b0c-4f7e-9d43-0f3f6f0f1c11';
our $Other = '1d6a2b3c-77aa-4f0e-8b1d-3c5e7f901234';
our $Nobody = 'c0ffee00-0000-4000-8000-000000000000';

our $X = '[0-9a-f]';
our $V4 = qr/$X{8}-$X{4}-4$X{3}-[89ab]$X{3}-$X{12}/;

our $Emoji = "\xf0\x9f\x98\x80";

# Bytes of JSON that are not the same twice.
our $Large = '{"n":[' . join(',', map { "$_,\"\\u00e9 \xc3\xa9\"\n" }
                                  1 .. 60000) . ']}';

our $Apps = <<'END';
    webhook_app 8c8e1f0a-5b0c-4f7e-9d43-0f3f6f0f1c11 environment=1
                token=alpha token=beta-gamma;
    webhook_app 8c8e1f0a-5b0c-4f7e-9d43-0f3f6f0f1c11 environment=1
                token=of-a-user user=42;
    webhook_app 8C8E1F0A-5B0C-4F7E-9D43-0F3F6F0F1C11
                environment=9223372036854775807 token=upper;
    webhook_app 1d6a2b3c-77aa-4f0e-8b1d-3c5e7f901234 environment=-7
                user=-9223372036854775808 token=other;
END

our $HttpConfig = <<'END';
    server_tokens off;
    webhook_zone zone=z:4m record_size=4m;
END

$HttpConfig .= echo(
    text => '"$request_method $content_type $content_length $http_x_show\n'
            . '$request_body"',
    server => <<'END');
        location = /check {
            add_header X-App $http_x_app;
            add_header X-Environment 3;
            add_header X-User 9;

            if ($http_authorization != "Bearer jwt") {
                return 401;
            }

            return 204;
        }
END

our $Config = <<'END';
    proxy_set_header X-Show "[$webhook_provider|$webhook_event|$webhook_reason|$webhook_app|$webhook_action|$webhook_environment|$webhook_user]";

    location = /ready {
        return 200 "ready\n";
    }

    location /lenra/ {
        webhook lenra zone=z;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
END


# --- a client -------------------------------------------------------------

our $Socket;

sub head {
    my ($method, $uri, %header) = @_;

    my %all = (Host => 'x', Authorization => 'Bearer alpha', %header);

    return HTTPClient::head($method, $uri,
                            map { $_ => $all{$_} } sort keys %all);
}

sub request {
    my ($method, $uri, $body, %header) = @_;

    return head($method, $uri, %header) if !defined $body;

    return head($method, $uri, 'Content-Type' => 'application/json',
                'Content-Length' => length($body), %header) . $body;
}

# Sends one request on the connection that all of them share.
sub call {
    my ($method, $uri, $body, %header) = @_;

    $Socket //= dial();
    put($Socket, request($method, $uri, $body, %header));

    my $answer = answer($Socket, $method eq 'HEAD');

    undef $Socket if $answer =~ /^(?:silent|closed|odd)/
                     || $Head =~ /\r\nConnection: close\r\n/i;

    return $answer;
}

sub field { $Head =~ /\r\n\Q$_[0]\E: (.*)\r\n/i ? $1 : 'none' }

sub bearer { (Authorization => "Bearer $_[0]") }

sub create { call('POST', '/lenra/app/webhooks', @_) }

sub get { call('GET', "/lenra/app/webhooks$_[0]", undef, @_[1 .. $#_]) }

sub remove { call('DELETE', "/lenra/app/webhooks/$_[0]", undef, @_[1 .. $#_]) }

sub trigger {
    my ($uuid, $body, %header) = @_;

    return call('POST', "/lenra/apps/$App/webhooks/$uuid", $body,
                Authorization => undef, %header);
}

# Creates a webhook that no test is about; returns its UUID.
sub made {
    my ($body, %header) = @_;

    return create($body // '{"action":"a"}', %header) =~ /^200 \{"uuid":"($V4)"/
           ? $1 : 'none';
}

# Deletes all webhooks of both apps: a block is run more than once.
sub wipe {
    for my $token ('alpha', 'other') {
        my @uuids;

        do {
            @uuids = get('', bearer($token)) =~ /"uuid":"($V4)"/g;
            remove($_, bearer($token)) for @uuids;
        } while (@uuids);
    }
}


# --- what is to be answered -----------------------------------------------

# The JSON of a webhook.
sub webhook {
    my ($uuid, $action, $props, $environment, $user) = @_;

    return qq({"uuid":"$uuid","action":$action,"props":) . ($props // 'null')
           . ',"environment_id":' . ($environment // 1)
           . ',"user_id":' . ($user // 'null') . '}';
}

# The answer that shows a webhook.
sub shown { return '200 ' . webhook(@_) . "\n" }

sub syntax { refused(lenra => 'invalid_json', offset => $_[0]) }

sub twice { refused(lenra => 400, "$_[0] is there more than once",
                    'duplicate_field', field => $_[0]) }

our $Unauthenticated = refused(lenra => 401, 'You are not authenticated',
                               'unauthenticated');
our $InvalidToken = refused(lenra => 401, 'Your token is invalid.',
                            'invalid_token');
our $Blank = refused(lenra => 400, "action can't be blank", 'invalid_action');
our $InvalidAction = refused(lenra => 400, 'action is invalid',
                             'invalid_action');
our $InvalidProps = refused(lenra => 400, 'props is invalid', 'invalid_props');
our $InvalidUser = refused(lenra => 400, 'user_id is invalid',
                           'invalid_user_id');
our $InvalidLimit = refused(lenra => 400, 'limit is invalid', 'invalid_limit');
our $InvalidAfter = refused(lenra => 400, 'after is invalid', 'invalid_after');

# A query string with a parameter that a list does not have
sub unknown {
    my $name = shift;
    return refused(lenra => 400, "$name is no parameter of this request, or "
                   . 'has no value', 'unknown_parameter', field => $name);
}

our $NotFound = refused(lenra => 404, 'Not Found.', 'error_404');
our $NoMethod = refused(lenra => 'method_not_allowed');
our $Type = refused(lenra => 'unsupported_media_type');
our $Encoding = refused(lenra => 'unsupported_encoding');
our $Empty = refused(lenra => 'empty_body');
our $Full = refused(lenra => 503, 'there is no room for another one',
                    'zone_full');

# nginx's own page
sub page { substr($_[0], 0, 3) . ' ' . Answers::page(@_) }

# What upstream gets of a trigger.
sub event {
    my ($event, $action, $props) = @_;

    return '{"action":' . ($action // '"a"') . ',"props":' . ($props // 'null')
           . ",\"event\":$event}";
}

# The application's answer to an event; $show is X-Show.
sub passed {
    my ($event, $show) = @_;

    return '200 POST application/json ' . length($event) . ' '
           . ($show // "[lenra|||$App|a|1|]") . "\n$event";
}


add_response_body_check(sub {
    my $block = shift;
    my $name = $block->name;

    Test::More::is(ref $block->client, 'CODE', "$name - the client compiles");

    undef $Socket;
    $block->client->(sub { Test::More::is($_[0], $_[1], "$name - $_[2]") });
    undef $Socket;
});

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config',
                      ($block->apps // $Apps) . ($block->http_config // '')
                      . $HttpConfig);
    $block->set_value('config', $Config . ($block->config // ''));
    $block->set_value('request', 'GET /ready');
    $block->set_value('response_body', "ready\n");
});

1;
