package LuzmoEvent;

# An event of Luzmo, data_updated, as the tests send it.
#
#     use LuzmoEvent qw($Body payload);
#
#     my $without_a_set = payload(dataset_id => undef);
#
# $Body is one, of slug "acme".  $Large is the same with many more members: not
# a whole number of any buffer, and not the same twice.  $Headers go with it
# where the secret is "right".

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw($User $Key $Body $Large $Headers payload post);

our $User = '6b1f0d3e-4f57-4c4a-9c0e-0f4b8a1f2c3d';
our $Key = 'a3c9e5d0-1b2c-4d3e-8f4a-5b6c7d8e9f01';


# A member's value is JSON text, undef leaves the member out.
sub payload {
    my %value = (slug => '"acme"', user_id => qq{"$User"}, key => qq{"$Key"},
                 dataset_id => '"tasks"', @_);

    return '{' . join(',', map { qq{"$_":$value{$_}} }
                           grep { defined $value{$_} }
                           qw(slug user_id key dataset_id)) . '}';
}

our $Body = payload(dataset_id => '"d"');

our $Large = $Body =~ s/\}$//r;
$Large .= ",\"n$_\":[$_,\"\\u00e9 \xc3\xa9\",null]\n" for 1 .. 30000;
$Large .= '}';

our $Headers = <<'END';
X-Secret: right
Content-Type: application/json
END

# Test::Nginx's requests, with these bodies.
sub post { map { "POST /hook/data_updated\n$_" } @_ }

1;
